"""Request units, estimated from size: the published figures for 1 KB to 1 MB, straight lines between them."""

from itertools import pairwise

# (KB, RU), from Microsoft's documentation of point operations under the default indexing policy.
_READ = ((1, 1.0), (4, 1.1), (64, 4.8), (1024, 146.0))
_WRITE = ((1, 5.0), (4, 6.7), (64, 22.7), (1024, 625.0))
_QUERY_BASE = 2.3
METADATA = 1.0


def read_charge(size: int) -> float:
    """RU of reading an item of `size` bytes by id."""
    return _interpolate(_READ, size / 1024)


def write_charge(size: int) -> float:
    """RU of creating, replacing, patching or deleting an item of `size` bytes."""
    return _interpolate(_WRITE, size / 1024)


def query_charge(size: int) -> float:
    """RU of one page of a query that returned `size` bytes."""
    return round(_QUERY_BASE + read_charge(size), 2)


def _interpolate(table: tuple[tuple[int, float], ...], kilobytes: float) -> float:
    kilobytes = max(kilobytes, table[0][0])
    (x0, y0), (x1, y1) = next((pair for pair in pairwise(table) if kilobytes <= pair[1][0]), table[-2:])
    return round(y0 + (y1 - y0) * (kilobytes - x0) / (x1 - x0), 2)
