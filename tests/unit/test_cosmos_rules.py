"""Rules of the emulator that are plain functions: charges, resource ids, index paths, partition keys."""

import base64

import pytest
from azure.cosmos import PartitionKey as SdkPartitionKey

from localcloud.cosmos import indexing
from localcloud.cosmos.charges import read_charge, write_charge
from localcloud.cosmos.errors import CosmosError
from localcloud.cosmos.partition import key_from_header, key_path, make_key
from localcloud.cosmos.rids import container_rid, database_rid, item_rid
from localcloud.cosmos.values import UNDEFINED


@pytest.mark.parametrize(
    ("kilobytes", "read", "write"), [(0, 1.0, 5.0), (1, 1.0, 5.0), (4, 1.1, 6.7), (64, 4.8, 22.7), (1024, 146.0, 625.0)]
)
def test_charges_are_the_published_ones(kilobytes, read, write):
    assert (read_charge(kilobytes * 1024), write_charge(kilobytes * 1024)) == (read, write)


def test_charges_grow_beyond_the_published_sizes():
    assert 146.0 < read_charge(2048 * 1024) < 2 * 146.0 + 10


def test_resource_ids_nest():
    database = database_rid()
    container = container_rid(database)
    item = item_rid(container, 7)
    raw = [base64.b64decode(rid, altchars=b"+-") for rid in (database, container, item)]
    assert [len(each) for each in raw] == [4, 8, 16]
    assert raw[2].startswith(raw[1])
    assert raw[1].startswith(raw[0])


@pytest.mark.parametrize(
    ("path", "sortable"),
    [(("a",), True), (("secret",), False), (("secret", "x"), False), (("secret", "date"), True), (("_etag",), False)],
)
def test_the_more_precise_index_path_wins(path, sortable):
    policy = indexing.completed(
        {
            "includedPaths": [{"path": "/*"}, {"path": "/secret/date/?"}],
            "excludedPaths": [{"path": "/secret/*"}, {"path": "/secret/?"}],
        }
    )
    if sortable:
        indexing.check_order_by(policy, [(path, False)])
        return
    with pytest.raises(CosmosError, match="excluded"):
        indexing.check_order_by(policy, [(path, False)])


def test_equal_keys_are_one_partition():
    assert make_key(1, 2) == make_key(1.0, 2)
    assert len({make_key(value, 2) for value in (1, True, "1", None, UNDEFINED, "")}) == 6


def test_keys_hash_as_the_sdk_hashes_them():
    hashed = SdkPartitionKey("/pk")._get_epk_range_for_partition_key("session-1").min
    assert make_key("session-1", 2).hash == hashed


@pytest.mark.parametrize("header", ["", "7", "[]", '["a","b"]', '[["a"]]'])
def test_a_header_that_is_no_key_is_refused(header):
    with pytest.raises(CosmosError):
        key_from_header(header, 2)


def test_key_paths_may_be_nested_and_quoted():
    assert key_path({"paths": ['/a/"odd/name"'], "kind": "Hash"}) == ("a", "odd/name")
