"""What follows the end of a processing session: what need not be kept is forgotten, and its partner is told."""

from __future__ import annotations

from shared.domain.errors import NotFound
from shared.domain.processing import Status, status_of
from shared.domain.session import Session
from shared.domain.webhook import Outcome
from shared.services.ledger import Ledger
from shared.services.processing_requests import ProcessingRequests
from shared.services.webhooks import Webhooks

OUTCOMES = {Status.DONE: Outcome.DONE, Status.ERROR: Outcome.ERROR}


class Endings:
    """Settles ends. A stage does so before it says that its work is done; the sweeper, where a stage has not."""

    def __init__(self, ledger: Ledger, requests: ProcessingRequests, webhooks: Webhooks) -> None:
        self._ledger = ledger
        self._requests = requests
        self._webhooks = webhooks

    async def settle(self, session: Session) -> None:
        """For a session as it was read or written last; does nothing unless it has ended. Safe to repeat."""
        outcome = OUTCOMES.get(status_of(session))
        run = f"{session.edition}.{session.retries}"
        end = f"{session.state} {run}"
        if session.partner is None or outcome is None or session.announced == end:
            return
        # What could not be fetched may be tried again, when a person asks for it.
        await self._requests.forget(session, "plan", *(["url"] if session.received else []))
        await self._webhooks.announce(session.partner, session.session_id, outcome, run=run)
        try:
            await self._ledger.change(session.session_id, lambda now: _marked(now, session, end))
        except NotFound:
            return  # erased


def _marked(now: Session, ended: Session, end: str) -> dict[str, str] | None:
    """Not for a session that runs again by now: its next end is another."""
    same = (now.state, now.edition, now.retries) == (ended.state, ended.edition, ended.retries)
    return {"announced": end} if same else None
