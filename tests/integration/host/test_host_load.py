"""What the host says of an app it cannot run: at the start, by name, and never half."""

import os
import socket
import subprocess
from pathlib import Path

import pytest

from localcloud.processes import free_port
from tests.integration.host.hosting import PROJECT, PYTHON, WORKER

QUEUE_OUTPUT = """
import azure.functions as func
app = func.FunctionApp()

@app.queue_trigger(arg_name="msg", queue_name="in", connection="AzureWebJobsStorage")
@app.queue_output(arg_name="out", queue_name="out", connection="AzureWebJobsStorage")
def copies(msg: func.QueueMessage, out: func.Out[str]) -> None: ...
"""
CLASSIC_HTTP = """
import azure.functions as func
app = func.FunctionApp()

@app.route("x")
def classic(req: func.HttpRequest) -> func.HttpResponse: ...
"""
RETRIED = """
import azure.functions as func
app = func.FunctionApp()

@app.timer_trigger(arg_name="timer", schedule="0 0 * * * *")
@app.retry(strategy="fixed_delay", max_retry_count="2", delay_interval="00:00:01")
def retried(timer: func.TimerRequest) -> None: ...
"""
HOURLY = """
import azure.functions as func
app = func.FunctionApp()

@app.timer_trigger(arg_name="timer", schedule="0 0 * * * *")
def hourly(timer: func.TimerRequest) -> None: ...
"""
MISSING_PARAMETER = """
import azure.functions as func
app = func.FunctionApp()

@app.timer_trigger(arg_name="timer", schedule="0 0 * * * *")
def forgetful() -> None: ...
"""
WRONG_ANNOTATION = """
import azure.functions as func
app = func.FunctionApp()

@app.timer_trigger(arg_name="timer", schedule="0 0 * * * *")
def mistaken(timer: func.QueueMessage) -> None: ...
"""
UNKNOWN_SETTING = """
import azure.functions as func
app = func.FunctionApp()

@app.queue_trigger(arg_name="msg", queue_name="%NOWHERE%", connection="AzureWebJobsStorage")
def lost(msg: func.QueueMessage) -> None: ...
"""
BAD_SCHEDULE = """
import azure.functions as func
app = func.FunctionApp()

@app.timer_trigger(arg_name="timer", schedule="99 * * * * *")
def never(timer: func.TimerRequest) -> None: ...
"""


@pytest.mark.parametrize(
    ("code", "named"),
    [
        (QUEUE_OUTPUT, "copies"),
        (CLASSIC_HTTP, "azurefunctions.extensions.http.fastapi"),
        (RETRIED, "retried"),
        (MISSING_PARAMETER, "forgetful"),
        (WRONG_ANNOTATION, "mistaken"),
        (UNKNOWN_SETTING, "NOWHERE"),
        (BAD_SCHEDULE, "99"),
        ("", "function_app"),
    ],
)
def test_an_app_that_cannot_run_is_refused_by_name(tmp_path: Path, code: str, named: str):
    run = run_host(tmp_path, code)
    assert run.returncode == 1
    assert named in run.stderr
    assert "Traceback" not in run.stderr
    assert "Host started" not in run.stdout


def test_a_function_that_is_not_there_cannot_be_asked_for(tmp_path: Path):
    run = run_host(tmp_path, HOURLY, "--functions", "hourly", "daily")
    assert run.returncode == 1
    assert "no such functions: daily" in run.stderr


def test_a_port_already_taken_ends_the_host(tmp_path: Path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        run = run_host(tmp_path, HOURLY, "--port", str(taken.getsockname()[1]))
    assert run.returncode != 0
    assert "address already in use" in run.stderr


def run_host(root: Path, code: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
    (root / "host.json").write_text('{"version": "2.0"}')
    (root / "function_app.py").write_text(code)
    return subprocess.run(
        [PYTHON, "-m", "localcloud.host", "--root", root, "--port", str(free_port()), "--worker", WORKER, *arguments],
        cwd=PROJECT,
        env={**os.environ, "AzureWebJobsStorage": "UseDevelopmentStorage=true"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
