"""List, get, replace, change and delete: the same five operations on recordings, transcripts and histories."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, NamedTuple, TypeVar

from fastapi import Response
from pydantic import BaseModel

from functions.http.auth import App, CallerNow
from functions.http.edge import operation
from functions.http.records import (
    EDITS,
    NOT_FOUND,
    PAGED,
    TAGGED,
    WRITES,
    Filtered,
    IfMatch,
    RecordNumber,
    edit_of,
    page,
    tagged,
)
from shared.domain.records import Record

R = TypeVar("R", bound=Record)
W = TypeVar("W", bound=BaseModel)


class Said(NamedTuple):
    """What the API's description says of an operation."""

    summary: str
    description: str


def register(
    kind: type[R],
    shown: Callable[[R], W],
    *,
    wire: type[W],
    fields: type[BaseModel],
    changes: type[BaseModel],
    fixed: Mapping[str, str],
    says: Mapping[str, Said],
) -> None:
    """Make the five operations, named `list_transcripts`, `get_transcript` and so on.

    `shown` makes the wire's form, `wire`, of a row; PUT takes `fields`, PATCH `changes`. `fixed` maps the wire's names
    of what cannot be changed to the row's; `says` describes each operation by its verb.
    """
    many, one = kind.RESOURCE, f"{kind.RESOURCE}/{{id}}"

    async def listing(app: App, caller: CallerNow, wanted: Filtered, response: Response) -> list[W]:
        return [shown(row) for row in await page(app, caller, kind, wanted, response)]

    async def get(app: App, caller: CallerNow, number: RecordNumber, response: Response) -> W:
        return shown(tagged(await app.reader.get(caller, kind, number), response))

    def editing(*, partial: bool) -> Callable[..., Awaitable[W]]:
        async def edit(
            app: App,
            caller: CallerNow,
            number: RecordNumber,
            body: BaseModel,
            response: Response,
            if_match: IfMatch = None,
        ) -> W:
            wanted = edit_of(body, fixed=fixed, partial=partial)
            return shown(tagged(await app.editor.edit(caller, kind, number, wanted, if_match=if_match), response))

        edit.__annotations__["body"] = changes if partial else fields
        return edit

    async def delete(app: App, caller: CallerNow, number: RecordNumber, if_match: IfMatch = None) -> None:
        await app.editor.delete(caller, kind, number, if_match=if_match)

    def add(verb: str, method: str, path: str, endpoint: Callable[..., Awaitable[Any]], **described: Any) -> None:
        endpoint.__name__ = f"{verb}_{many if path == many else kind.KIND}"
        operation(method, path, summary=says[verb].summary, description=says[verb].description, **described)(endpoint)

    add("list", "GET", many, listing, response_model=list[wire], responses=PAGED)  # type: ignore[valid-type]
    add("get", "GET", one, get, response_model=wire, responses={**NOT_FOUND, **TAGGED})
    add("replace", "PUT", one, editing(partial=False), response_model=wire, responses={**EDITS, **TAGGED})
    add("change", "PATCH", one, editing(partial=True), response_model=wire, responses={**EDITS, **TAGGED})
    add("delete", "DELETE", one, delete, status_code=204, responses=WRITES)
