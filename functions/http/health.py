"""Whether the app lives, and whether what it depends on answers."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Literal

from fastapi import Response
from pydantic import BaseModel

from functions.http.auth import App
from functions.http.edge import operation
from shared.domain.errors import ScribeError

Answer = Literal["ok", "unavailable"]


class Health(BaseModel):
    """The app runs."""

    status: Literal["ok"] = "ok"


class Readiness(BaseModel):
    """Each dependency by name."""

    status: Answer
    checks: dict[str, Answer]


@operation("GET", "health", summary="Is it alive?")
async def get_health() -> Health:
    """Asks nobody else."""
    return Health()


@operation(
    "GET",
    "health/ready",
    summary="Do its dependencies answer?",
    responses={503: {"model": Readiness, "description": "One of them does not"}},
)
async def get_readiness(app: App, response: Response) -> Readiness:
    """Names only: no addresses, no reasons, no secrets."""
    answers = await asyncio.gather(*(_ask(check) for check in app.checks.values()))
    checks = dict(zip(app.checks, answers, strict=True))
    ready: Answer = "ok" if all(answer == "ok" for answer in answers) else "unavailable"
    if ready != "ok":
        response.status_code = 503
    return Readiness(status=ready, checks=checks)


async def _ask(check: Callable[[], Awaitable[object]]) -> Answer:
    try:
        await check()
    except ScribeError:
        return "unavailable"
    return "ok"
