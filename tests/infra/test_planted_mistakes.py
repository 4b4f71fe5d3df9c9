"""Every check of the infrastructure finds the mistake it is for; without mistakes none finds anything."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import pytest

from infra.check import agreement
from infra.check.__main__ import PROJECT, check_agreement, check_bicep
from infra.check.agreement import Trigger
from infra.check.source import Finding

INFRA = PROJECT / "infra"
APP, STORAGE, DATABASE, VAULT = (f"modules/{name}.bicep" for name in ("app", "storage", "database", "vault"))
EVENTS, ALERTS = "event-subscription.bicep", "modules/alerts.bicep"


@dataclass(frozen=True)
class Mistake:
    """In `file`, `right` becomes `wrong`; a check says `told`."""

    name: str
    file: str
    right: str
    wrong: str
    told: str


IN_BICEP = [
    Mistake(
        "brace forgotten", VAULT, "sku: { family: 'A', name: sku }", "sku: { family: 'A', name: sku", "syntax error"
    ),
    Mistake("property misspelt", STORAGE, "accessTier: 'Hot'", "accesTier: 'Hot'", "has no property 'accesTier'"),
    Mistake("property of a list's item misspelt", STORAGE, "maxAgeInSeconds: 3600", "maxAge: 3600", "'maxAge'"),
    Mistake("enum", DATABASE, "indexingMode: 'consistent'", "indexingMode: 'eventual'", "'eventual' is none of"),
    Mistake("required property missing", VAULT, "    tenantId: tenant().tenantId\n", "", "lacks 'tenantId'"),
    Mistake("read-only property set", VAULT, "softDeleteRetentionInDays: 90", "hsmPoolResourceId: 'x'", "is read-only"),
    Mistake("number as text", VAULT, "keySize: 3072", "keySize: '3072'", "is int, not string"),
    Mistake("text as truth", APP, "httpsOnly: true", "httpsOnly: 'true'", "is bool, not string"),
    Mistake("object for a list", DATABASE, "includedPaths: [{ path: '/*' }]", "includedPaths: 'all'", "is a list"),
    Mistake("unknown variant", EVENTS, "endpointType: 'WebHook'", "endpointType: 'Webhook'", "'Webhook' is none of"),
    Mistake("unknown symbol", APP, "serverFarmId: plan.id", "serverFarmId: farm.id", "farm is not declared"),
    Mistake("unknown function", STORAGE, "take('stscribe", "left('stscribe", "no function left"),
    Mistake(
        "parameter never used", VAULT, "param token string\n", "param token string\nparam who string\n", "who is never"
    ),
    Mistake("variable never used", VAULT, "var roles =", "var unused = 1\nvar roles =", "unused is never used"),
    Mistake(
        "member of a resource misspelt",
        VAULT,
        "vault.properties.vaultUri",
        "vault.properties.vaultUrl",
        "no 'vaultUrl'",
    ),
    Mistake(
        "member of a loop's item misspelt", DATABASE, "each.partitionKey", "each.partitionkey", "no 'partitionkey'"
    ),
    Mistake("unknown version", VAULT, "vaults@2024-11-01", "vaults@2019-09-01", "was not checked"),
    Mistake("unknown resource type", VAULT, "KeyVault/vaults@", "KeyVault/vault@", "no schema of"),
    Mistake("module without a parameter", "main.bicep", "    email: alertEmail\n", "", "lacks parameter 'email'"),
    Mistake(
        "module with a parameter too many", "main.bicep", "    email: alertEmail", "    mail: alertEmail", "'mail'"
    ),
    Mistake("module given the wrong kind", "main.bicep", "email: alertEmail", "email: 3", "takes string as 'email'"),
    Mistake(
        "module given what it does not allow",
        "main.bicep",
        "memoryMb: profile.instanceMemoryMb",
        "memoryMb: 1024",
        "1024",
    ),
    Mistake(
        "module without scope", "main.bicep", "  name: 'vault'\n  scope: group\n", "  name: 'vault'\n", "needs a scope"
    ),
    Mistake("output misspelt", "main.bicep", "vault.outputs.kekName", "vault.outputs.keyName", "has no 'keyName'"),
    Mistake("profile lacks a value", "profiles.json", '"coolAfterDays": 30,', "", "has no 'coolAfterDays'"),
    Mistake("profile's value not allowed", "profiles.json", '"Standard_ZRS"', '"Standard_XRS"', "'Standard_XRS'"),
    Mistake("azd sets no parameter", "main.parameters.json", "authIssuer", "authIsuer", "no parameter 'authIsuer'"),
    Mistake("blobs public", STORAGE, "allowBlobPublicAccess: false", "allowBlobPublicAccess: true", "must be false"),
    Mistake("container public", STORAGE, "publicAccess: 'None'", "publicAccess: 'Blob'", "must be 'None'"),
    Mistake("storage keys on", STORAGE, "allowSharedKeyAccess: false", "allowSharedKeyAccess: true", "must be false"),
    Mistake("Cosmos keys on", DATABASE, "disableLocalAuth: true", "disableLocalAuth: false", "must be true"),
    Mistake("never private", DATABASE, "isolated ? 'Disabled' : 'Enabled'", "'Enabled'", "publicNetworkAccess must be"),
    Mistake("vault can be purged", VAULT, "enablePurgeProtection: true", "enablePurgeProtection: null", "must be true"),
    Mistake("passwords for publishing", APP, "allow: false", "allow: true", "must be false"),
    Mistake("wrong role", "roles.json", "e147488a-f6f5", "e147488b-f6f5", "keyVaultCryptoServiceEncryptionUser is"),
    Mistake("too much of a role", "roles.json", '"storageBlobDataOwner"', '"owner"', "no role that the app may have"),
    Mistake(
        "role on the whole group",
        VAULT,
        "  scope: vault\n  properties: {\n    role",
        "  properties: {\n    role",
        "scope of one",
    ),
    Mistake(
        "role by number",
        VAULT,
        "roles.keyVaultCryptoServiceEncryptionUser)\n    principalId: appP",
        "'8e3af657-a8ff-443c-a75c-2fe8c4bcb635')\n    principalId: appP",
        "named in roles.json",
    ),
    Mistake(
        "hook asks for what is not put out",
        "main.bicep",
        "output EVENT_TOPIC",
        "output TOPIC",
        "puts out no EVENT_TOPIC",
    ),
    Mistake("azd finds no app", APP, "'azd-service-name': 'api'", "'azd-service-name': 'web'", "azure.yaml deploys"),
    Mistake(
        "workflow lacks a variable", "main.parameters.json", "SCRIBE_PROFILE=dev", "SCRIBE_SIZE", "SCRIBE_SIZE is not"
    ),
]
AGAINST_THE_CODE = [
    Mistake("polling on Flex", APP, "'EventGrid'", "'LogsAndContainerScan'", "no blob trigger but Event Grid's"),
    Mistake("container missing", STORAGE, "'words', ", "", "containers lacks 'words'"),
    Mistake("container that nobody uses", STORAGE, "'words', ", "'words', 'scraps', ", "containers has 'scraps'"),
    Mistake("queue missing", STORAGE, "  'notes-poison'\n", "", "queues lacks 'notes-poison'"),
    Mistake(
        "partition key", DATABASE, "'therapist_client_id'", "'therapist_clientid'", "'records', 'therapist_clientid'"
    ),
    Mistake("ciphertext indexed", DATABASE, "  '/transcript/?'\n", "", "notIndexed lacks '/transcript/?'"),
    Mistake("sort order not indexed", DATABASE, "order: 'descending'", "order: 'ascending'", "no composite index"),
    Mistake(
        "nothing expires", DATABASE, "'id', ttl: -1", "'id', ttl: null", "containers lacks ('directory', 'id', '-1')"
    ),
    Mistake("function of the events", EVENTS, "'transcribe_sealed'", "'transcribe'", "no function 'transcribe'"),
    Mistake("container of the events", EVENTS, "containers/sealed/", "containers/audio/", "must be those of sealed/"),
    Mistake("unknown setting", APP, "COSMOS__DATABASE:", "COSMOS__DATABSE:", "COSMOS__DATABSE is no setting"),
    Mistake("setting's value", APP, "SPEECH__ENGINE: 'azure-auto'", "SPEECH__ENGINE: 'azur'", "SPEECH__ENGINE: Input"),
    Mistake(
        "required setting missing", "main.bicep", "      AUTH__ISSUER: authIssuer\n", "", "AUTH__ISSUER: Field required"
    ),
    Mistake("storage unknown to the app", APP, "  STORAGE__QUEUE_URL: queueUrl\n", "", "STORAGE__QUEUE_URL"),
    Mistake("schedule missing", APP, "  SWEEP_SCHEDULE: '0 * * * * *'\n", "", "needs the setting SWEEP_SCHEDULE"),
    Mistake(
        "a later one", APP, "  ROTATE_SCHEDULE: '0 41 * * * *'\n", "", "rotate_keys needs the setting ROTATE_SCHEDULE"
    ),
    Mistake("alert for what nobody logs", "alerts.json", "stood still", "stood up", "nothing logs 'stood up'"),
    Mistake("alert for no function", "alerts.json", "'poison_'", "'poisoned_'", "no function is called 'poisoned_'"),
]


@pytest.fixture(scope="module")
def triggers() -> list[Trigger]:
    return agreement.triggers()


@pytest.fixture
def plant(tmp_path: Path) -> Callable[[Mistake], Path]:
    """A copy of the infrastructure with one mistake."""

    def planted(mistake: Mistake) -> Path:
        copy = tmp_path / "infra"
        shutil.copytree(INFRA, copy, ignore=shutil.ignore_patterns("check", "schemas", "__pycache__"))
        file = copy / mistake.file
        content = file.read_text("utf-8")
        assert mistake.right in content
        file.write_text(content.replace(mistake.right, mistake.wrong, 1), "utf-8")
        return copy

    return planted


def told(findings: Iterable[Finding]) -> list[str]:
    return [str(finding) for finding in findings]


def test_without_mistakes_nothing_is_found(triggers: list[Trigger]):
    assert told([*check_bicep(INFRA), *check_agreement(INFRA, triggers)]) == []


@pytest.mark.parametrize("mistake", IN_BICEP, ids=lambda mistake: mistake.name)
def test_mistake_in_bicep_is_found(plant: Callable[[Mistake], Path], mistake: Mistake):
    assert any(mistake.told in line for line in told(check_bicep(plant(mistake))))


@pytest.mark.parametrize("mistake", AGAINST_THE_CODE, ids=lambda mistake: mistake.name)
def test_disagreement_with_the_code_is_found(
    plant: Callable[[Mistake], Path], mistake: Mistake, triggers: list[Trigger]
):
    assert any(mistake.told in line for line in told(check_agreement(plant(mistake), triggers)))


def test_checkov_finds_what_is_planted_and_a_file_it_cannot_parse(tmp_path: Path):
    python = PROJECT / ".venv-infra" / "bin" / "python"
    if not python.exists() and "CI" not in os.environ:
        pytest.skip("checkov is not installed: make check-infra")
    for name in ("storage", "database", "vault"):
        shutil.copy(INFRA / "modules" / f"{name}.bicep", tmp_path)
    storage, database, vault = (tmp_path / f"{name}.bicep" for name in ("storage", "database", "vault"))
    storage.write_text(storage.read_text("utf-8").replace("'TLS1_2'", "'TLS1_0'"), "utf-8")
    database.write_text(
        database.read_text("utf-8").replace("disableLocalAuth: true", "disableLocalAuth: false"), "utf-8"
    )
    vault.write_text("resource vault ", "utf-8")
    scan = subprocess.run(
        [python, INFRA / "check" / "scan.py", tmp_path], capture_output=True, text=True, timeout=300, check=False
    )
    assert scan.returncode == 1
    for expected in ("CKV_AZURE_44 ", "CKV_AZURE_140 ", "cannot parse"):
        assert expected in scan.stdout


@pytest.mark.parametrize("hook", sorted((INFRA / "hooks").glob("*.sh")), ids=lambda hook: hook.name)
def test_hook_is_a_shell_script(hook: Path):
    assert os.access(hook, os.X_OK)
    subprocess.run(["sh", "-n", hook], check=True)
