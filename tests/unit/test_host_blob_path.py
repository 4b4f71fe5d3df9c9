"""Which blobs the path of a trigger means."""

import pytest

from localcloud.host.blobs import BlobPath


@pytest.mark.parametrize(
    ("path", "blob", "expected"),
    [
        ("sealed/{name}", "a/b.json", {"name": "a/b.json"}),
        ("sealed/{name}.json", "a/b.json", {"name": "a/b"}),
        ("sealed/{name}.json", "a/b.txt", None),
        ("sealed/{session}/{digest}.json", "s-1/d.json", {"session": "s-1", "digest": "d"}),
        ("sealed/{a}-{a}", "1-1", {"a": "1"}),
        ("sealed/{a}-{a}", "1-2", None),
        ("sealed/in/{name}", "out/x", None),
        ("sealed", "anything/at/all", {}),
        ("sealed/fixed.json", "fixed.json", {}),
        ("sealed/{{x}}/{name}", "{x}/y", {"name": "y"}),
    ],
)
def test_a_path_means_the_blobs_that_fit(path, blob, expected):
    assert BlobPath.parse(path).match(blob) == expected


@pytest.mark.parametrize(
    ("path", "container", "prefix"),
    [
        ("sealed/{name}", "sealed", ""),
        ("sealed/in/{name}.json", "sealed", "in/"),
        ("sealed/{{x}}/{name}", "sealed", "{x}/"),
    ],
)
def test_only_what_can_fit_is_listed(path, container, prefix):
    parsed = BlobPath.parse(path)
    assert (parsed.container, parsed.prefix) == (container, prefix)


@pytest.mark.parametrize("path", ["", "/x", "{container}/x", "sealed/"])
def test_a_path_without_container_or_blob_is_refused(path):
    with pytest.raises(ValueError, match="container/blob"):
        BlobPath.parse(path)
