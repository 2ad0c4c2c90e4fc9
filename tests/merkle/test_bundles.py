"""Entry bundles: the length before each entry."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.merkle import bundles
from ledger.merkle.bundles import BundleError
from ledger.merkle.hashing import leaf_hash
from ledger.merkle.tiles import split_hashes

from .tampering import tampered

ENTRIES = st.lists(st.binary(max_size=300), max_size=256)


def test_a_length_is_two_bytes_the_larger_first() -> None:
    assert bundles.encode([b"a", b"", b"b" * 258]) == b"\x00\x01a" + b"\x00\x00" + b"\x01\x02" + b"b" * 258


@given(ENTRIES)
def test_a_bundle_is_read_as_it_is_written(entries: list[bytes]) -> None:
    assert bundles.decode(bundles.encode(entries)) == entries


def test_the_longest_entry_fits_and_a_longer_one_does_not() -> None:
    assert bundles.decode(bundles.encode([bytes(65_535)])) == [bytes(65_535)]
    with pytest.raises(BundleError, match="65536 bytes"):
        bundles.encode([bytes(65_536)])


def test_a_bundle_holds_256_entries_at_most() -> None:
    assert len(bundles.decode(bundles.encode([b"x"] * 256))) == 256
    with pytest.raises(BundleError):
        bundles.encode([b"x"] * 257)
    with pytest.raises(BundleError):
        bundles.decode(b"\x00\x01x" * 257)


@given(st.lists(st.binary(max_size=20), min_size=1, max_size=20), st.data())
def test_a_bundle_cut_short_names_the_entry_that_is_not_whole(entries: list[bytes], data: st.DataObject) -> None:
    whole = bundles.encode(entries)
    cut = data.draw(st.integers(1, len(whole) - 1))
    ends = [len(bundles.encode(entries[:count])) for count in range(len(entries) + 1)]
    if cut in ends:
        assert bundles.decode(whole[:cut]) == entries[: ends.index(cut)]
        return
    with pytest.raises(BundleError) as caught:
        bundles.decode(whole[:cut])
    assert caught.value.index == sum(end < cut for end in ends) - 1


def test_every_small_change_of_a_bundle_changes_a_leaf_hash() -> None:
    entries = [b"first", b"", b"the third entry", b"4"]
    whole = bundles.encode(entries)
    leaves = split_hashes(b"".join(map(leaf_hash, entries)))
    for changed in tampered(whole):
        try:
            read = bundles.decode(changed)
        except BundleError:
            continue
        assert [leaf_hash(entry) for entry in read] != leaves
