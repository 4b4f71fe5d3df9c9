"""What is done by the clock."""

from __future__ import annotations

import azure.functions as func

from shared.bootstrap import services
from shared.services import rewrap_keys as use_case

blueprint = func.Blueprint()  # type: ignore[no-untyped-call]


@blueprint.function_name("sweep")
@blueprint.timer_trigger(arg_name="timer", schedule="%SWEEP_SCHEDULE%", run_on_startup=False)
async def sweep(timer: func.TimerRequest) -> None:
    """Push on what stands still, seal what was left open."""
    await services().sweeper.sweep()


@blueprint.function_name("finish_erasures")
@blueprint.timer_trigger(arg_name="timer", schedule="%SWEEP_SCHEDULE%", run_on_startup=False)
async def finish_erasures(timer: func.TimerRequest) -> None:
    """Go on with erasures that stand still, and look a second time after those that are done."""
    await services().eraser.resume()


@blueprint.function_name("expire_uploads")
@blueprint.timer_trigger(arg_name="timer", schedule="%UPLOADS_SCHEDULE%", run_on_startup=False)
async def expire_uploads(timer: func.TimerRequest) -> None:
    """Delete what partners have put here and is not needed any more."""
    await services().partner_uploads.expire()


@blueprint.function_name("look_after_deliveries")
@blueprint.timer_trigger(arg_name="timer", schedule="%SWEEP_SCHEDULE%", run_on_startup=False)
async def look_after_deliveries(timer: func.TimerRequest) -> None:
    """Queue events again whose message was lost, and forget those that were delivered long ago."""
    await services().courier.look_again()


@blueprint.function_name("rewrap_keys")
@blueprint.timer_trigger(arg_name="timer", schedule="%REWRAP_SCHEDULE%", run_on_startup=False)
async def rewrap_keys(timer: func.TimerRequest) -> None:
    """After a new version of the key-encryption key: wrap every data key under it."""
    await use_case.rewrap_keys(services().keyrings)


@blueprint.function_name("rotate_keys")
@blueprint.timer_trigger(arg_name="timer", schedule="%ROTATE_SCHEDULE%", run_on_startup=False)
async def rotate_keys(timer: func.TimerRequest) -> None:
    """Replace data keys that are too old, and encrypt anew what lies under them."""
    await services().key_rotation.run()
