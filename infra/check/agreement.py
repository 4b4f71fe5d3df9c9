"""Bicep against the code: containers, queues, partition keys, triggers, settings, and what alerts look for."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from azure.cosmos import PartitionKey
from azure.functions import BlobSource
from pydantic import BaseModel, ValidationError

from infra.check.source import Finding, Source, children, literal, properties, text
from infra.check.values import Evaluator, Value
from shared.adapters import cosmos_client
from shared.domain import names
from shared.settings import Settings

PACKAGES = "app-packages"
"""Container of the deployment, which is not the app's."""
BLOB_POISON = "webjobs-blobtrigger-poison"
HOST_SETTINGS = re.compile(
    r"AzureWebJobsStorage__(blobServiceUri|queueServiceUri|tableServiceUri|credential|clientId)"
    r"|APPLICATIONINSIGHTS_(CONNECTION_STRING|AUTHENTICATION_STRING)"
    r"|FUNCTIONS_REQUEST_BODY_SIZE_LIMIT|BLOB_TRIGGER_SOURCE|AZURE_CLIENT_ID|AZURE_TOKEN_CREDENTIALS"
    r"|MALLOC_(ARENA_MAX|MMAP_THRESHOLD_|TRIM_THRESHOLD_)"
)
"""Settings that others read: the host, the SDKs, the trigger, the C library."""
_SAMPLES = {"audience": "scribe", "deployment": "notes", "key_name": "scribe-kek"}
_SUBJECT = re.compile(r"/blobServices/default/containers/([^/]+)/blobs/")
_PHRASE = re.compile(r"Message (?:has|startswith) '([^']+)'")
_OPERATION = re.compile(r"OperationName (==|startswith) '([^']+)'")


@dataclass(frozen=True)
class Trigger:
    """One function, by what starts it."""

    function: str
    binding: Mapping[str, Any]


def triggers() -> list[Trigger]:
    """Of the app, as the host would see them. May be called once in a process: azure-functions 1.x has it so."""
    import function_app  # noqa: PLC0415 (all of the app, which only this check needs)

    found = []
    for function in function_app.app.get_functions():
        binding = next(each for each in map(json.loads, _raw(function)) if each["type"].endswith("Trigger"))
        found.append(Trigger(str(function.get_function_name()), binding))
    return found


def _raw(function: Any) -> Iterable[str]:
    return [each if isinstance(each, str) else json.dumps(each) for each in function.get_raw_bindings()]


def check_stores(infra: Path) -> Iterator[Finding]:
    """Containers and queues of storage; containers, partition keys and indexing of Cosmos DB."""
    storage = Source.read(infra / "modules" / "storage.bicep")
    blobs = {value for name, value in vars(names).items() if name.endswith("_BLOBS") or name == "PARTNER_UPLOADS"}
    yield from _same(storage, "containers", _listed(storage, "containers"), blobs | {PACKAGES})
    queues = {value for name, value in vars(names).items() if name.endswith("_QUEUE")}
    wanted = {BLOB_POISON} | queues | {f"{queue}-poison" for queue in queues}
    yield from _same(storage, "queues", _listed(storage, "queues"), wanted)
    yield from _check_database(Source.read(infra / "modules" / "database.bicep"))


def _check_database(database: Source) -> Iterator[Finding]:
    made = asyncio.run(_Recorder().made_by_the_adapter())
    stands = {(each["name"], each["partitionKey"], each["ttl"]) for each in _objects(database, "containers")}
    wanted = {(name, key.removeprefix("/"), str(ttl or "null")) for name, (key, ttl, _) in made.items()}
    yield from _same(database, "containers", stands, wanted)
    for _, _, indexing in made.values():
        excluded = {each["path"] for each in indexing["excludedPaths"]}
        yield from _same(database, "notIndexed", _listed(database, "notIndexed"), excluded)
        for order in indexing["compositeIndexes"]:
            written = ", ".join(f"{{ path: '{each['path']}', order: '{each['order']}' }}" for each in order)
            if written not in text(database.root):
                yield database.finding(database.root, f"no composite index of {written}")


class _Recorder:
    """Takes the place of the client when the adapter makes its containers, and notes what it is asked for."""

    def __init__(self) -> None:
        self._made: dict[str, tuple[str, int | None, dict[str, Any]]] = {}

    async def made_by_the_adapter(self) -> dict[str, tuple[str, int | None, dict[str, Any]]]:
        """Partition key, time to live and indexing policy of each container."""
        for name in names.PARTITION_KEYS:
            await cosmos_client._create(self, "scribe", name)  # type: ignore[arg-type]
        return self._made

    async def create_database_if_not_exists(self, _: str) -> _Recorder:
        return self

    async def create_container_if_not_exists(self, name: str, key: PartitionKey, **options: Any) -> None:
        self._made[name] = (key["paths"][0], options.get("default_ttl"), options["indexing_policy"])


def _same(source: Source, name: str, stands: Iterable[Any], wanted: Iterable[Any]) -> Iterator[Finding]:
    node = source.of_kind("var")[name].node
    for missing in sorted(set(wanted) - set(stands), key=str):
        yield source.finding(node, f"{name} lacks {missing!r}, which the code uses")
    for extra in sorted(set(stands) - set(wanted), key=str):
        yield source.finding(node, f"{name} has {extra!r}, which the code does not use")


def check_triggers(infra: Path, found: Iterable[Trigger]) -> Iterator[Finding]:
    """The event subscription meets the blob trigger; every queue and every schedule is there."""
    found = list(found)
    subscription = Source.read(infra / "event-subscription.bicep")
    whole = text(subscription.root)
    function = subscription.of_kind("var")["function"]
    blobs = {each.function: each.binding["path"] for each in found if each.binding["type"] == "blobTrigger"}
    name = literal(function.value) if function.value is not None else None
    subject = _SUBJECT.search(whole)
    if name not in blobs:
        yield subscription.finding(function.node, f"no function {name!r} has a blob trigger")
    elif subject is None or subject[1] != blobs[name].partition("/")[0]:
        yield subscription.finding(subscription.root, f"events must be those of {blobs[name]}")
    elif f"subjectEndsWith: '{Path(blobs[name]).suffix}'" not in whole:
        yield subscription.finding(subscription.root, f"events must end as {blobs[name]} does")
    storage = Source.read(infra / "modules" / "storage.bicep")
    stands, given = set(_listed(storage, "queues")), settings(infra)
    if given.get("BLOB_TRIGGER_SOURCE") != BlobSource.EVENT_GRID.value:
        yield Finding(infra / "modules" / "app.bicep", 1, 1, "Flex Consumption knows no blob trigger but Event Grid's")
    for each in found:
        queue = each.binding.get("queueName")
        if queue is not None and queue not in stands:
            yield storage.finding(storage.of_kind("var")["queues"].node, f"queues lacks {queue!r} of {each.function}")
        schedule = str(each.binding.get("schedule", "")).strip("%")
        if schedule and schedule not in given:
            yield Finding(infra / "modules" / "app.bicep", 1, 1, f"{each.function} needs the setting {schedule}")


def settings(infra: Path) -> dict[str, str | None]:
    """App settings that Bicep makes, with the values it knows."""
    app, main = Source.read(infra / "modules" / "app.bicep"), Source.read(infra / "main.bicep")
    held: dict[str, str | None] = {}
    for name in ("host", "engines"):
        value = app.of_kind("var")[name].value
        assert value is not None
        held |= {key: literal(given) for key, (_, given) in properties(value).items()}
    module = main.of_kind("module")["app"].value
    assert module is not None
    params = properties(properties(module)["params"][1])
    return held | dict.fromkeys(properties(params["settings"][1]))


def check_settings(infra: Path, found: Iterable[Trigger]) -> Iterator[Finding]:
    """Every setting is read by somebody, and with all of them the app can be built."""
    path, given = infra / "modules" / "app.bicep", settings(infra)
    schedules = {str(each.binding["schedule"]).strip("%") for each in found if "schedule" in each.binding}
    ours: dict[str, Any] = {}
    for name, value in given.items():
        if HOST_SETTINGS.fullmatch(name) or name in schedules:
            continue
        steps = name.lower().split("__")
        if not _exists(Settings, steps):
            yield Finding(path, 1, 1, f"{name} is no setting of the app")
            continue
        place = ours
        for step in steps[:-1]:
            place = place.setdefault(step, {})
        place[steps[-1]] = value if value is not None else _SAMPLES.get(steps[-1], "https://example.com")
    yield from _builds(path, ours)


def _builds(path: Path, given: Mapping[str, Any]) -> Iterator[Finding]:
    from shared.bootstrap import build  # noqa: PLC0415 (heavy)

    try:
        build(Settings.model_validate(given))
    except ValidationError as error:
        for each in error.errors():
            yield Finding(path, 1, 1, f"{'__'.join(map(str, each['loc'])).upper()}: {each['msg']}")
    except ValueError as error:
        yield Finding(path, 1, 1, str(error))


def _exists(model: type[BaseModel], steps: list[str]) -> bool:
    field = model.model_fields.get(steps[0])
    if field is None:
        return False
    inner = field.annotation
    if isinstance(inner, type) and issubclass(inner, BaseModel):
        return len(steps) > 1 and _exists(inner, steps[1:])
    return len(steps) == 1


def check_watch(infra: Path, found: Iterable[Trigger], code: Path) -> Iterator[Finding]:
    """What alerts and the workbook look for is what the code logs, and functions that there are."""
    functions = [each.function for each in found]
    logged = "\n".join(each.read_text("utf-8") for each in sorted(code.rglob("*.py")))
    for path in (infra / "alerts.json", infra / "workbook.json"):
        held = path.read_text("utf-8")
        for phrase in _PHRASE.findall(held):
            if phrase not in logged:
                yield Finding(path, 1, 1, f"nothing logs {phrase!r}")
        for how, name in _OPERATION.findall(held):
            if not any(each == name if how == "==" else each.startswith(name) for each in functions):
                yield Finding(path, 1, 1, f"no function is called {name!r}")


def _listed(source: Source, name: str) -> list[str]:
    return [str(value.given) for value in _elements(source, name)]


def _objects(source: Source, name: str) -> list[dict[str, str]]:
    return [
        {key: literal(given) or text(given) for key, (_, given) in properties(value.node).items()}
        for value in _elements(source, name)
        if value.node is not None
    ]


def _elements(source: Source, name: str) -> tuple[Value, ...]:
    value = source.of_kind("var")[name].value
    assert value is not None
    assert children(value)
    return Evaluator(source).elements(value, {})
