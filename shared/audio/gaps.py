"""How long each gap is, and where everything stands once silence fills the gaps.

Rules for the length of a gap, in this order:

1. The container's own times, where a file goes on after the gap (WebM, Ogg, fragmented MP4, FLAC). Several chunks
   lost together share that time by their size; a missing chunk counts as much as the median chunk.
2. For a chunk lost whole: the median length of the session's chunks, since recorders cut at fixed intervals.
   For part of a chunk: its bytes at the session's bytes per second.
3. None (a point in time) for a file that holds no audio though nothing in it is damaged, and where the container
   says that no time passed.

As much silence is put in the audio's place, so that later times stay those of the session.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate
from statistics import median

from shared.audio.flac import RATE
from shared.audio.sources import SessionBytes
from shared.audio.timeline import MISSING, Hole, Loss, Timeline
from shared.domain.transcript import Gap

_SPLINTER_MS = 1000


@dataclass(frozen=True)
class ChunkSpan:
    """Where a chunk is in the stitched audio; for a lost chunk, where it should be."""

    label: str
    start_ms: int
    end_ms: int


@dataclass(frozen=True)
class Layout:
    """The session with its gaps filled. `silences`: (position before filling, length), in samples."""

    gaps: tuple[Gap, ...]
    chunks: tuple[ChunkSpan, ...]
    silences: tuple[tuple[int, int], ...]


def lay_out(timeline: Timeline) -> Layout:
    """Give every gap its length and place, and every chunk its span."""
    session = timeline.session
    usual = _usual_chunk(timeline)
    gaps: list[Gap] = []
    places: dict[int, tuple[int, int]] = {}
    silences: list[tuple[int, int]] = []
    inserted = 0
    for hole in timeline.holes:
        for loss, length in _shares(hole, usual):
            start = hole.at + inserted
            places[loss.chunk] = (start, start + length)
            gap = Gap(
                start_ms=_ms(start),
                end_ms=_ms(start + length) if length else None,
                reason=loss.reason,
                chunk=session.chunks[loss.chunk].label,
            )
            gaps = _with(gaps, gap)
            inserted += length
            silences.append((hole.at, length))
    for chunk, (first, last) in timeline.spans.items():
        before = sum(length for at, length in silences if at <= first)
        within = sum(length for at, length in silences if first < at < last)
        places[chunk] = (first + before, last + before + within)
    return Layout(tuple(gaps), tuple(_spans(session, places)), tuple(s for s in silences if s[1]))


@dataclass(frozen=True)
class _Usual:
    """The median chunk: bytes and samples; and samples per byte over all."""

    size: float
    samples: float
    samples_per_byte: float


def _with(gaps: list[Gap], gap: Gap) -> list[Gap]:
    """Add a gap; a splinter of sound between two gaps of the same chunk does not make it two."""
    last = gaps[-1] if gaps else None
    if last and last.chunk == gap.chunk and gap.start_ms - (last.end_ms or last.start_ms) < _SPLINTER_MS:
        return [*gaps[:-1], last.model_copy(update={"end_ms": gap.end_ms or last.end_ms})]
    return [*gaps, gap]


def _usual_chunk(timeline: Timeline) -> _Usual:
    sizes = [timeline.session.chunk_size(chunk) for chunk in timeline.spans]
    lengths = [last - first for first, last in timeline.spans.values()]
    return _Usual(median(sizes), median(lengths), sum(lengths) / max(sum(sizes), 1))


def _shares(hole: Hole, usual: _Usual) -> Iterator[tuple[Loss, int]]:
    """Each loss of a hole with its length in samples."""
    if hole.length_ms is None:
        for loss in hole.losses:
            length = usual.samples if loss.whole else loss.size * usual.samples_per_byte
            yield loss, 0 if loss.empty else round(length)
        return
    total = round(hole.length_ms * RATE / 1000)
    weights = {loss: usual.size if loss.reason == MISSING else float(loss.size) for loss in hole.losses}
    splinter = sum(weights.values()) * _SPLINTER_MS / (hole.length_ms or 1)
    kept = [loss for loss in hole.losses if loss.whole or weights[loss] >= splinter] or [
        max(weights, key=weights.__getitem__)
    ]
    sum_kept = sum(weights[loss] for loss in kept) or 1.0
    ends = [round(total * end / sum_kept) for end in accumulate(weights[loss] for loss in kept)]
    for loss, start, end in zip(kept, [0, *ends[:-1]], [*ends[:-1], total], strict=True):
        yield loss, end - start


def _spans(session: SessionBytes, places: dict[int, tuple[int, int]]) -> Iterator[ChunkSpan]:
    """One span a chunk, in order; a chunk that neither sounds nor is a gap (a header alone) is a point."""
    reached = 0
    for index, chunk in enumerate(session.chunks):
        start, end = places.get(index, (reached, reached))
        reached = max(reached, end)
        yield ChunkSpan(chunk.label, _ms(start), _ms(end))


def _ms(samples: int) -> int:
    return samples * 1000 // RATE
