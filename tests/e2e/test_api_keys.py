"""Partners' API keys over HTTP, issued by the command that `make api-key` runs on the running stack."""

from __future__ import annotations

import stat
from collections.abc import Callable, Iterator

import httpx
import pytest

from localcloud import api_keys
from localcloud.client import Client
from localcloud.stack import Stack
from tests.e2e.problems import assert_problem
from tests.e2e.visits import CLIENT, pieces_of, speech

pytestmark = pytest.mark.e2e

Command = Callable[..., str]


@pytest.fixture
def command(stack: Stack, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Command:
    monkeypatch.delenv("COSMOS__ENDPOINT", raising=False)

    def run(*arguments: str) -> str:
        assert api_keys.main([*arguments, "--home", str(stack.home)]) == 0
        return capsys.readouterr().out

    return run


@pytest.fixture
def http(stack: Stack) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=stack.url + "/", timeout=60) as client:
        yield client


def ask(http: httpx.Client, headers: dict[str, str]) -> httpx.Response:
    body = {"userid": CLIENT, "therapist_clientid": "no-such-pair"}
    return http.post("transcripts/query", json=body, headers=headers)


def test_a_key_is_a_service_in_either_header(stack, command, visit):
    key = command("issue", "--name", "clinic-either").strip()
    with Client(stack.url, key) as partner:
        [chunk] = pieces_of([speech(0, 1).files("m4a")[0]], "session.m4a")
        assert partner.upload(chunk, **visit.form).status_code == 200
        assert partner.session(visit.name)["received"] == 1
    with httpx.Client(base_url=stack.url + "/", headers={"x-api-key": key}, timeout=60) as partner:
        assert partner.get(f"sessions/{visit.name}").status_code == 200


def test_a_key_that_was_never_issued(http):
    for headers in ({"Authorization": "Bearer ssk_never"}, {"x-api-key": "ssk_never"}, {"x-api-key": "never"}):
        answer = ask(http, headers)
        assert_problem(answer, 401, "api_key_invalid")
        assert answer.headers["WWW-Authenticate"] == "Bearer"
        assert "never" not in answer.text


def test_authorization_goes_before_the_key(http, command):
    key = command("issue", "--name", "clinic-both").strip()
    assert_problem(ask(http, {"Authorization": "Bearer not.a.token", "x-api-key": key}), 401, "token_invalid")


def test_a_revoked_key_is_refused_from_then_on(http, command):
    key = command("issue", "--name", "clinic-revoked").strip()
    assert_problem(ask(http, {"x-api-key": key}), 404, "relationship_not_found")
    assert key[-4:] in command("revoke", "--name", "clinic-revoked", "--last-four", key[-4:])
    assert_problem(ask(http, {"x-api-key": key}), 401, "api_key_revoked")


def test_the_list_shows_last_four_and_no_key(command):
    key = command("issue", "--name", "clinic-listed").strip()
    listed = command("list", "--name", "clinic-listed")
    assert f"…{key[-4:]}\tservice\t" in listed
    assert key[4:-4] not in listed


def test_without_a_stack_the_command_says_so(tmp_path, capsys, monkeypatch):
    monkeypatch.delenv("COSMOS__ENDPOINT", raising=False)
    assert api_keys.main(["issue", "--name", "clinic1", "--home", str(tmp_path)]) == 1
    assert "no stack runs" in capsys.readouterr().err


def test_where_the_stack_is_can_be_read_by_its_user_only(stack):
    assert stat.S_IMODE((stack.home / "stack.json").stat().st_mode) == 0o600
