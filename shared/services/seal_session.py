"""Seal a session once every chunk up to the last one is here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shared.domain.errors import AlreadyExists, NotFound
from shared.domain.manifest import Manifest, ManifestChunk, manifest_path
from shared.domain.names import SEALED_BLOBS
from shared.domain.session import Session, State, StoredChunk, order_of
from shared.ports import BlobStore, Clock
from shared.services.ledger import Ledger

JSON = "application/json"


async def seal_session(session: Session, *, ledger: Ledger, blobs: BlobStore, clock: Clock) -> Session:
    """Write the manifest that starts transcription, if the session is complete; the session as it stands then.

    Safe to call at any time and from anywhere: the manifest's name is the digest of its content and it is
    created, never overwritten. First the session says which manifest counts, then the manifest appears: a crash
    between the two leaves a session that says `sealed`, and the next call writes what is missing. A chunk that
    comes later changes the digest, and the session runs again.
    Raises: StoreUnavailable.
    """
    order = order_of(session)
    if not session.received or not (order.complete or session.finalized):
        return session
    manifest = _manifest(session, await ledger.chunks(session.session_id), clock)
    digest = manifest.digest
    if session.manifest != digest:
        await ledger.list_as_open(session.session_id)
        sealed = await ledger.change(session.session_id, lambda now: _sealing(now, session, digest))
        if sealed is None:
            return await ledger.get(session.session_id)
        session = sealed
    if session.state is State.SEALED:
        await _write_manifest(manifest, blobs)
    return session


async def finalize(session_id: str, *, ledger: Ledger, blobs: BlobStore, clock: Clock) -> Session:
    """Seal with what is here; missing chunks become gaps. Raises: NotFound (also when nothing has arrived yet)."""
    session = await ledger.get(session_id)
    if not session.received:
        raise NotFound(f"session {session_id} has no audio yet", code="session_empty")
    if not session.finalized:
        changed = await ledger.change(session_id, lambda _: {"finalized": True})
        assert changed is not None
        session = changed
    return await seal_session(session, ledger=ledger, blobs=blobs, clock=clock)


async def raise_again(session: Session, *, ledger: Ledger, blobs: BlobStore, clock: Clock) -> None:
    """Write the manifest of a sealed session once more, so that its event comes again.

    With chunks that came after the seal and still wait for others, it is the stored manifest. If that was never
    written, it cannot be any more: the session is sealed anew, with what is here.
    """
    assert session.manifest is not None
    path = manifest_path(session.session_id, session.manifest)
    manifest = _manifest(session, await ledger.chunks(session.session_id), clock)
    body = manifest.model_dump_json().encode()
    if manifest.digest != session.manifest:
        try:
            body = await blobs.read(SEALED_BLOBS, path)
        except NotFound:
            await finalize(session.session_id, ledger=ledger, blobs=blobs, clock=clock)
            return
    await blobs.put(SEALED_BLOBS, path, body, content_type=JSON, metadata={})


def _sealing(now: Session, seen: Session, digest: str) -> Mapping[str, Any] | None:
    """Only for the chunks that were counted: a writer that saw fewer never overrules one that saw more."""
    if now.present != seen.present or now.manifest == digest:
        return None
    return {
        "state": State.SEALED,
        "manifest": digest,
        "sealed_chunks": now.received,
        "attempts": 0,
        "gaps": [],
        "timings": {},
    }


def _manifest(session: Session, chunks: Mapping[str, StoredChunk], clock: Clock) -> Manifest:
    order = order_of(session)
    rows = []
    for position, key in zip(order.positions, order.chunk_ids, strict=True):
        chunk = chunks.get(key) if key is not None else None
        rows.append(
            ManifestChunk(position=position)
            if chunk is None
            else ManifestChunk(position=position, blob=chunk.blob, sha256=chunk.sha256, size=chunk.size)
        )
    return Manifest(
        session_id=session.session_id,
        therapist_userid=session.therapist_userid,
        therapist_clientid=session.therapist_clientid,
        date=session.date,
        chunks=tuple(rows),
        sealed_at=clock.now(),
    )


async def _write_manifest(manifest: Manifest, blobs: BlobStore) -> None:
    try:
        await blobs.create(
            SEALED_BLOBS,
            manifest_path(manifest.session_id, manifest.digest),
            manifest.model_dump_json().encode(),
            content_type=JSON,
            metadata={},
        )
    except AlreadyExists:
        return  # an earlier call got this far
