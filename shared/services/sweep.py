"""Push on what stands still: the net under every crash, lost event and forgotten recording.

The list of open sessions is one partition, so a sweep costs what is open, not what was ever recorded.
"""

from __future__ import annotations

import logging

from shared.domain.errors import ScribeError
from shared.domain.limits import Limits
from shared.domain.session import Session, order_chunks, order_of
from shared.ports import BlobStore, Clock, Queues
from shared.services.claims import Claims, ClaimState
from shared.services.end_processing import Endings
from shared.services.failures import exhausted
from shared.services.fetch_recording import ask_for_recording
from shared.services.ledger import Ledger, OpenWork, quiet_for
from shared.services.seal_session import finalize, raise_again, seal_session
from shared.services.stages import Stage, stage_of, work_of
from shared.services.transcribe_session import ask_for_note

log = logging.getLogger(__name__)


class Sweeper:
    """Looks at each open session once a call; safe beside another sweeper and beside the work itself."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        claims: Claims,
        blobs: BlobStore,
        queues: Queues,
        endings: Endings,
        clock: Clock,
        limits: Limits,
    ) -> None:
        self._ledger = ledger
        self._claims = claims
        self._blobs = blobs
        self._queues = queues
        self._endings = endings
        self._clock = clock
        self._limits = limits

    async def sweep(self) -> None:
        """One look at everything open. One session's trouble does not keep the others from being looked at.

        Raises: the last error met, after the whole list has been gone through.
        """
        trouble: ScribeError | None = None
        async for work in self._ledger.open_work():
            try:
                await self._look_at(work)
            except ScribeError as error:
                log.warning("session %s: the sweep met %s", work.session_id, error.code)
                trouble = error
        if trouble is not None:
            raise trouble

    async def _look_at(self, work: OpenWork) -> None:
        session = await self._ledger.find(work.session_id)
        stage = stage_of(session) if session is not None else None
        if session is not None and stage is not None:
            await self._push(session, stage)
        elif session is None or (session.state.final and session.received == session.sealed_chunks):
            if session is not None:
                await self._endings.settle(session)
            if self._clock.now() - work.touched > self._limits.settled_after:
                await self._ledger.strike(work)
        else:
            await self._receiving(session, work)

    async def _receiving(self, session: Session, work: OpenWork) -> None:
        """Seal what is complete, and what nobody has added to for too long."""
        ledger, blobs, clock = self._ledger, self._blobs, self._clock
        if quiet_for(session, clock.now()) < self._limits.gap_timeout:
            await seal_session(await self._settled(session), ledger=ledger, blobs=blobs, clock=clock)
        elif session.received:
            log.warning("session %s: no chunk for %s, sealed as it is", session.session_id, self._limits.gap_timeout)
            await finalize(session.session_id, ledger=ledger, blobs=blobs, clock=clock)
        elif clock.now() - work.touched >= self._limits.gap_timeout:
            await ledger.strike(work)  # opened by an upload that never came to its end

    async def _settled(self, session: Session) -> Session:
        """The session, with its file numbers taken as they are once nothing has come for a while."""
        settled = order_chunks(session.present, session.total, settled=True)
        quiet = quiet_for(session, self._clock.now()) >= self._limits.settle_after
        if session.settled or not quiet or settled == order_of(session):
            return session
        return await self._ledger.change(session.session_id, lambda _: {"settled": True}) or session

    async def _push(self, session: Session, stage: Stage) -> None:
        """Start a stage again whose event was lost or whose worker died."""
        if quiet_for(session, self._clock.now()) < self._limits.push_after:
            return
        if await self._claims.state(session.session_id, work_of(session, stage)) is ClaimState.BUSY:
            return
        if session.attempts >= self._limits.max_attempts:
            await self._give_up(session, stage)
            return
        log.warning("session %s: %s stood still, started again", session.session_id, session.state)
        await self._ledger.change(session.session_id, lambda _: {})  # the next push waits its turn again
        if stage is Stage.FETCH:
            await ask_for_recording(session.session_id, self._queues)
        elif stage is Stage.TRANSCRIBE:
            await raise_again(session, ledger=self._ledger, blobs=self._blobs, clock=self._clock)
        else:
            assert session.manifest is not None  # of what it has a transcript
            await ask_for_note(session.session_id, session.manifest, self._queues)

    async def _give_up(self, session: Session, stage: Stage) -> None:
        failure = exhausted(session, stage, unknown="attempts_exhausted", clock=self._clock)
        failed = await self._ledger.fail(session.session_id, session.manifest, failure, final=True)
        if failed is not None:
            await self._endings.settle(failed)
