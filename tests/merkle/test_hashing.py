"""Leaf and node hashes, as RFC 6962 gives them."""

from hashlib import sha256

from ledger.merkle.hashing import EMPTY_ROOT, HASH_SIZE, leaf_hash, node_hash


def test_the_empty_tree_has_the_hash_of_nothing_as_its_root() -> None:
    assert EMPTY_ROOT.hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert len(EMPTY_ROOT) == HASH_SIZE


def test_a_leaf_is_hashed_after_a_zero_byte() -> None:
    assert leaf_hash(b"entry") == sha256(b"\x00entry").digest()


def test_a_node_is_hashed_after_a_one_byte_and_its_children_in_order() -> None:
    left, right = leaf_hash(b"left"), leaf_hash(b"right")
    assert node_hash(left, right) == sha256(b"\x01" + left + right).digest()
    assert node_hash(left, right) != node_hash(right, left)


def test_an_entry_made_of_two_hashes_is_not_the_node_over_them() -> None:
    left, right = leaf_hash(b"left"), leaf_hash(b"right")
    assert leaf_hash(left + right) != node_hash(left, right)
