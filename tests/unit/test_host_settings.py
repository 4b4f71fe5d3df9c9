"""How host.json, local.settings.json and the environment become the host's settings."""

import json
from pathlib import Path
from typing import Any

import pytest

from localcloud.host.settings import HostSettings, SettingsError, timespan_seconds


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("AZURE_FUNCTIONS_ENVIRONMENT", "AzureWebJobsStorage", "JOBS_QUEUE"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    write(tmp_path, "host.json", {"version": "2.0", "extensions": {"queues": {"batchSize": 8}}})
    return tmp_path


def write(root: Path, name: str, content: dict[str, Any]) -> None:
    (root / name).write_text(json.dumps(content))


def test_defaults_are_the_real_host_s(app):
    settings = HostSettings.load(app)
    assert settings.function_timeout == 1800
    assert settings.message_lease_seconds == 600
    assert settings.blob_poll_seconds == 10
    assert settings.development


def test_a_timeout_of_minus_one_is_none(app):
    write(app, "host.json", {"version": "2.0", "functionTimeout": "-1"})
    assert HostSettings.load(app).function_timeout is None


def test_local_values_enter_the_environment_but_do_not_replace_it(app, monkeypatch):
    write(app, "local.settings.json", {"Values": {"JOBS_QUEUE": "from-file", "GIVEN": "from-file"}})
    monkeypatch.setenv("GIVEN", "from-environment")
    settings = HostSettings.load(app)
    assert settings.resolve("%JOBS_QUEUE%-%GIVEN%") == "from-file-from-environment"


def test_the_environment_overrides_host_json_whatever_the_case(app, monkeypatch):
    monkeypatch.setenv("AzureFunctionsJobHost__extensions__queues__BatchSize", "3")
    monkeypatch.setenv("AzureFunctionsJobHost__extensions__blobs__poisonBlobThreshold", "2")
    settings = HostSettings.load(app)
    assert settings.extension("queues", "batchSize") == "3"
    assert settings.extension("blobs", "poisonBlobThreshold") == "2"


def test_a_missing_application_setting_is_named(app):
    with pytest.raises(SettingsError, match="NOWHERE"):
        HostSettings.load(app).resolve("%NOWHERE%")


def test_a_missing_connection_is_named(app):
    with pytest.raises(SettingsError, match="AzureWebJobsStorage"):
        HostSettings.load(app).connection()


def test_development_storage_is_azurite_on_its_usual_ports(app, monkeypatch):
    monkeypatch.setenv("AzureWebJobsStorage", "UseDevelopmentStorage=true")
    assert "BlobEndpoint=http://127.0.0.1:10000/devstoreaccount1;" in HostSettings.load(app).connection()


@pytest.mark.parametrize("variable", ["AzureWebJobs.upload.Disabled", "AzureWebJobs_upload_Disabled"])
def test_a_function_can_be_disabled(app, monkeypatch, variable):
    monkeypatch.setenv(variable, "true")
    settings = HostSettings.load(app)
    assert settings.disabled("upload")
    assert not settings.disabled("download")


def test_the_host_id_stays_the_same_and_differs_between_apps(app, tmp_path_factory):
    other = tmp_path_factory.mktemp("other")
    write(other, "host.json", {"version": "2.0"})
    assert HostSettings.load(app).host_id == HostSettings.load(app).host_id
    assert HostSettings.load(app).host_id != HostSettings.load(other).host_id


@pytest.mark.parametrize("content", ['{"version": "1.0"}', "[]", "{"])
def test_an_unreadable_host_json_is_refused(app, content):
    (app / "host.json").write_text(content)
    with pytest.raises(SettingsError, match=r"host\.json"):
        HostSettings.load(app)


@pytest.mark.parametrize(
    ("text", "seconds"), [("00:00:30", 30), ("01:00:00", 3600), ("1.00:00:01", 86401), ("00:00:00.5", 0.5)]
)
def test_a_timespan_is_read_as_dotnet_reads_it(text, seconds):
    assert timespan_seconds(text) == seconds
