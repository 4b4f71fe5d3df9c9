"""The order people read in: rows from the top, and columns one after the other where a page has columns of prose."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

SAME_ROW = 0.6
"""Boxes whose middles are closer than this part of their height stand in one row."""
GUTTER = 1.0
"""A strip between columns is at least this many heights of a line wide; a space between words is a quarter."""
COLUMN_ROWS = 3
"""Fewer rows than this on a side are no column."""
COLUMN_WORDS = 4
"""Prose has this many words in a row at least before a wide gap. With fewer it is a table, or a form: read across."""

Point = tuple[float, float]
Row = list["Box"]


@dataclass(frozen=True)
class Box:
    """Text and where it stands, in any unit; y grows downwards."""

    left: float
    top: float
    right: float
    bottom: float
    text: str

    @property
    def middle(self) -> float:
        """Height at which a reader's eye meets it."""
        return (self.top + self.bottom) / 2

    @property
    def height(self) -> float:
        """Of the line, roughly."""
        return self.bottom - self.top


def in_reading_order(boxes: Iterable[Box]) -> str:
    """The text of a page, one line a row."""
    return "\n".join(" ".join(box.text for box in row) for row in _ordered(_rows(list(boxes))))


def straightened(quads: Sequence[Sequence[Point]], texts: Sequence[str]) -> list[Box]:
    """Boxes of recognised lines, turned back by the angle at which the page lies.

    A quad is the four corners of a line of text, from its upper left, clockwise.
    """
    angle = _angle(quads)
    cos, sin = math.cos(-angle), math.sin(-angle)
    boxes = []
    for quad, text in zip(quads, texts, strict=True):
        xs = [x * cos - y * sin for x, y in quad]
        ys = [x * sin + y * cos for x, y in quad]
        boxes.append(Box(min(xs), min(ys), max(xs), max(ys), text))
    return boxes


def _angle(quads: Sequence[Sequence[Point]]) -> float:
    """Of the longer half of the lines, the median, in radians: short ones lie at any angle."""
    edges = sorted(((q[1][0] - q[0][0], q[1][1] - q[0][1]) for q in quads), key=lambda edge: math.hypot(*edge))
    longer = edges[len(edges) // 2 :]
    return median(math.atan2(dy, dx) for dx, dy in longer) if longer else 0.0


def _rows(boxes: list[Box]) -> list[Row]:
    rows: list[Row] = []
    for box in sorted(boxes, key=lambda box: (box.middle, box.left)):
        if rows and box.middle - median(b.middle for b in rows[-1][-3:]) < SAME_ROW * min(
            box.height, rows[-1][-1].height
        ):
            rows[-1].append(box)
        else:
            rows.append([box])
    return [sorted(row, key=lambda box: box.left) for row in rows]


def _ordered(rows: list[Row]) -> list[Row]:
    """Rows as they are read: what is above the columns, each column, what is below."""
    found = _columns(rows)
    if found is None:
        return rows
    first, end, x = found
    block = rows[first:end]
    left = [side for row in block if (side := [box for box in row if box.left < x])]
    right = [side for row in block if (side := [box for box in row if box.left >= x])]
    return [*_ordered(rows[:first]), *_ordered(left), *_ordered(right), *_ordered(rows[end:])]


def _columns(rows: list[Row]) -> tuple[int, int, float] | None:
    """The tallest block of rows with prose on both sides of an empty strip: first row, end, the strip's middle."""
    if len(rows) < COLUMN_ROWS:
        return None
    width = GUTTER * median(box.height for row in rows for box in row)
    blocks: list[tuple[int, int, float]] = []
    for n, (left, right) in _gaps(rows, width):
        if not any(first <= n < end and left <= x <= right for first, end, x in blocks):
            blocks.append(_grown(rows, n, left, right, width))
    columns = [block for block in blocks if _is_prose(rows, block, width)]
    return max(columns, key=lambda block: block[1] - block[0], default=None)


def _gaps(rows: list[Row], width: float) -> Iterable[tuple[int, tuple[float, float]]]:
    """Empty strips within a row, or between the text of a row and that of the next one beside it."""
    for n, row in enumerate(rows):
        beside = sorted([*row, *(rows[n + 1] if n + 1 < len(rows) else [])], key=lambda box: box.left)
        for boxes in (row, beside):
            reach = boxes[0].right
            for box in boxes[1:]:
                if box.left - reach >= width:
                    yield n, (reach, box.left)
                reach = max(reach, box.right)


def _grown(rows: list[Row], n: int, left: float, right: float, width: float) -> tuple[int, int, float]:
    """The rows around row `n` that leave the strip open, at least `width` of it."""
    first = end = n
    while end < len(rows) and (strip := _narrowed(rows[end], left, right))[1] - strip[0] >= width:
        left, right, end = *strip, end + 1
    while first > 0 and (strip := _narrowed(rows[first - 1], left, right))[1] - strip[0] >= width:
        left, right, first = *strip, first - 1
    return first, end, (left + right) / 2


def _narrowed(row: Row, left: float, right: float) -> tuple[float, float]:
    """What a row leaves of a strip; text in its midst leaves nothing."""
    middle = (left + right) / 2
    for box in row:
        if box.left < middle < box.right:
            return middle, middle
        if box.right <= middle:
            left = max(left, box.right)
        else:
            right = min(right, box.left)
    return left, right


def _is_prose(rows: list[Row], block: tuple[int, int, float], width: float) -> bool:
    """Whether both sides of the strip hold lines of text, which run on; cells of a table stand apart."""
    first, end, x = block
    for on_left in (True, False):
        side = [part for row in rows[first:end] if (part := [box for box in row if (box.left < x) is on_left])]
        words = sum(len(box.text.split()) for row in side for box in row)
        if len(side) < COLUMN_ROWS or words < COLUMN_WORDS * sum(_runs(row, width) for row in side):
            return False
    return True


def _runs(row: Row, width: float) -> int:
    """How many stretches of text a row has, wide gaps between them."""
    return 1 + sum(after.left - before.right >= width for before, after in pairwise(row))
