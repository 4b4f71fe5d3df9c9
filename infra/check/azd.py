"""azd's files against Bicep: parameters, outputs that hooks ask for, the service, and the workflow that deploys."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import yaml

from infra.check.source import Finding, Source, text

_VARIABLE = re.compile(r"\$\{(\w+)(=[^}]*)?\}")
_ASKED = re.compile(r"\$\{(\w+):\?\}")
_SERVICE = re.compile(r"'azd-service-name': '([^']*)'")


def check(project: Path, infra: Path) -> Iterator[Finding]:
    """All of them."""
    main = Source.read(infra / "main.bicep")
    yield from _check_parameters(main, infra / "main.parameters.json")
    hook = infra / "hooks" / "postdeploy.sh"
    for name in sorted(set(_ASKED.findall(hook.read_text("utf-8"))) - set(main.of_kind("output"))):
        yield Finding(hook, 1, 1, f"Bicep puts out no {name}")
    held = yaml.safe_load((project / "azure.yaml").read_text("utf-8"))
    app = Source.read(infra / "modules" / "app.bicep")
    services = _SERVICE.findall(text(app.root))
    if services != list(held["services"]):
        yield Finding(app.path, 1, 1, f"azure.yaml deploys {list(held['services'])}, the app is {services}")
    for each in held["hooks"].values():
        if not (project / each["run"]).is_file():
            yield Finding(project / "azure.yaml", 1, 1, f"no file {each['run']}")
    yield from _check_workflow(project / ".github" / "workflows" / "deploy.yml", infra / "main.parameters.json")


def _check_parameters(main: Source, path: Path) -> Iterator[Finding]:
    """What azd fills in: parameters that there are, and all that have no default."""
    held = json.loads(path.read_text("utf-8"))["parameters"]
    asked = main.of_kind("param")
    for name, entry in held.items():
        if name not in asked:
            yield Finding(path, 1, 1, f"{main.path.name} has no parameter {name!r}")
        elif not _VARIABLE.fullmatch(str(entry["value"])):
            yield Finding(path, 1, 1, f"{name!r} is not one of azd's variables")
    for name, parameter in asked.items():
        if name not in held and parameter.value is None:
            yield Finding(path, 1, 1, f"parameter {name!r} is missing")


def _check_workflow(path: Path, parameters: Path) -> Iterator[Finding]:
    """The job has every variable that has no default."""
    env = yaml.safe_load(path.read_text("utf-8"))["jobs"]["deploy"]["env"]
    for name, default in _VARIABLE.findall(parameters.read_text("utf-8")):
        if not default and name not in env:
            yield Finding(path, 1, 1, f"{name} is not set")
