"""Requests to witnesses: to the byte as published, and proofs that hold for nothing but what they are of."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.merkle import add_checkpoint, checkpoints
from ledger.merkle.add_checkpoint import MAX_BYTES, AddCheckpoint, RequestError
from ledger.merkle.hashing import EMPTY_ROOT
from ledger.merkle.proofs import ProofError, prove_consistency

from .reference import UNTIMED, definition, flip
from .tampering import tampered

# The example of C2SP tlog-witness.
EXAMPLE = (Path(__file__).parents[1] / "vectors/c2sp/add-checkpoint.txt").read_bytes()
MTH = definition()


def test_the_published_example_is_read_and_written() -> None:
    request = add_checkpoint.parse(EXAMPLE)
    assert (request.old_size, len(request.hashes)) == (20_852_014, 4)
    assert checkpoints.read_unverified(request.note).size == 20_852_163
    assert bytes(request) == EXAMPLE


def test_a_changed_request_is_refused_or_another_one() -> None:
    read = add_checkpoint.parse(EXAMPLE)
    for changed in tampered(EXAMPLE):
        try:
            other = add_checkpoint.parse(changed)
        except RequestError:
            continue
        assert other != read
        assert bytes(other) == changed


@given(st.integers(0, 2**63 - 1), st.lists(st.binary(min_size=32, max_size=32), max_size=63), st.text(min_size=1))
def test_requests_are_read_as_they_are_written(old: int, hashes: list[bytes], note: str) -> None:
    request = AddCheckpoint(old, tuple(hashes), note.encode("utf-8", "replace"))
    assert add_checkpoint.parse(bytes(request)) == request


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"old 5\n",
        b"old 5\n\n",
        b"old 05\n\nnote\n",
        b"old -1\n\nnote\n",
        b"old +1\n\nnote\n",
        b"Old 1\n\nnote\n",
        b"old  1\n\nnote\n",
        b"old 1\r\n\r\nnote\n",
        b"old 1\nAAAA\n\nnote\n",
        b"old 1\n\xff\n\nnote\n",
        b"old 1\n" + 64 * (b"A" * 43 + b"=\n") + b"\nnote\n",
        b"old 1\n\n" + b"n" * MAX_BYTES,
    ],
)
def test_what_is_no_request_is_refused(content: bytes) -> None:
    with pytest.raises(RequestError):
        add_checkpoint.parse(content)


@UNTIMED
@given(st.integers(1, 300), st.integers(1, 300), st.data())
def test_a_proof_holds_for_its_two_trees_alone(one: int, other: int, data: st.DataObject) -> None:
    old, size = sorted((one, other))
    hashes = prove_consistency(old, size, MTH).hashes
    request = AddCheckpoint(old, hashes, b"note\n")
    request.verify(MTH(0, old), size, MTH(0, size))
    bit = data.draw(st.integers(0, 255))
    changes = [
        (request, flip(MTH(0, old), bit), size, MTH(0, size)),
        (request, MTH(0, old), size, flip(MTH(0, size), bit)),
        (AddCheckpoint(old, (*hashes, bytes(32)), b"note\n"), MTH(0, old), size, MTH(0, size)),
        (AddCheckpoint(0, hashes, b"note\n"), MTH(0, old), size, MTH(0, size)),
    ]
    if hashes:
        place = data.draw(st.integers(0, len(hashes) - 1))
        wrong = (*hashes[:place], flip(hashes[place], bit), *hashes[place + 1 :])
        changes += [
            (AddCheckpoint(old, wrong, b"note\n"), MTH(0, old), size, MTH(0, size)),
            (AddCheckpoint(old, hashes[:-1], b"note\n"), MTH(0, old), size, MTH(0, size)),
        ]
    for changed, old_root, new_size, root in changes:
        with pytest.raises(ProofError):
            changed.verify(old_root, new_size, root)


def test_from_the_empty_tree_on_there_is_nothing_to_prove() -> None:
    AddCheckpoint(0, (), b"note\n").verify(EMPTY_ROOT, 9, MTH(0, 9))
    with pytest.raises(ProofError):
        AddCheckpoint(0, (bytes(32),), b"note\n").verify(EMPTY_ROOT, 9, MTH(0, 9))
    with pytest.raises(ProofError):
        AddCheckpoint(0, (), b"note\n").verify(MTH(0, 3), 9, MTH(0, 9))
