"""The functions that no client calls."""

import azure.functions as func
from witness import tell, tell_from_thread

bp = func.Blueprint()


@bp.queue_trigger(arg_name="job", queue_name="%JOBS_QUEUE%", connection="AzureWebJobsStorage")
async def on_job(job: func.QueueMessage, context: func.Context) -> None:
    await tell(
        "on_job",
        body=job.get_body().decode(),
        id=job.id,
        dequeue_count=job.dequeue_count,
        has_times=None not in (job.insertion_time, job.expiration_time, job.time_next_visible),
        invocation=context.invocation_id,
    )


@bp.queue_trigger(arg_name="job", queue_name="%THREAD_QUEUE%", connection="AzureWebJobsStorage")
def on_job_in_thread(job: func.QueueMessage) -> None:
    tell_from_thread("on_job_in_thread", body=job.get_body().decode())


@bp.blob_trigger(arg_name="sealed", path="%SEALED%/{name}.json", connection="AzureWebJobsStorage")
async def on_sealed(sealed: func.InputStream) -> None:
    await tell("on_sealed", name=sealed.name, content=sealed.read().decode(), length=sealed.length, uri=sealed.uri)


@bp.blob_trigger(
    arg_name="sealed", path="%GRID%/{name}", connection="AzureWebJobsStorage", source=func.BlobSource.EVENT_GRID
)
async def on_grid(sealed: func.InputStream) -> None:
    await tell("on_grid", name=sealed.name, content=sealed.read().decode())


@bp.timer_trigger(arg_name="timer", schedule="0 0 3 * * *")
async def nightly(timer: func.TimerRequest) -> None:
    await tell("nightly", past_due=timer.past_due)


@bp.timer_trigger(arg_name="timer", schedule="%OFTEN%")
async def often(timer: func.TimerRequest) -> None:
    await tell("often", past_due=timer.past_due)


@bp.timer_trigger(arg_name="timer", schedule="0 0 3 * * *", run_on_startup=True)
async def at_start(timer: func.TimerRequest) -> None:
    await tell("at_start", past_due=timer.past_due)
