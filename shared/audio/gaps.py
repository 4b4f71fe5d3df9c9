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
from statistics import median

from shared.audio.flac import RATE
from shared.audio.sources import SessionBytes
from shared.audio.timeline import MISSING, Hole, Loss, Timeline
from shared.domain.transcript import Gap


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
            end_ms = _ms(start + length) if length else None
            label = session.chunks[loss.chunk].label
            gaps.append(Gap(start_ms=_ms(start), end_ms=end_ms, reason=loss.reason, chunk=label))
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
    weights = [usual.size if loss.reason == MISSING else float(loss.size) for loss in hole.losses]
    total = sum(weights) or 1.0
    left = round(hole.length_ms * RATE / 1000)
    for loss, weight in zip(hole.losses, weights, strict=True):
        last = loss is hole.losses[-1]
        share = left if last else round(hole.length_ms * RATE / 1000 * weight / total)
        left -= share
        yield loss, share


def _spans(session: SessionBytes, places: dict[int, tuple[int, int]]) -> Iterator[ChunkSpan]:
    """One span a chunk, in order; a chunk that neither sounds nor is a gap (a header alone) is a point."""
    reached = 0
    for index, chunk in enumerate(session.chunks):
        start, end = places.get(index, (reached, reached))
        reached = max(reached, end)
        yield ChunkSpan(chunk.label, _ms(start), _ms(end))


def _ms(samples: int) -> int:
    return samples * 1000 // RATE
