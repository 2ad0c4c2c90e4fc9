"""Proof files: complete, and true of one leaf at one position."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.merkle import checkpoints, proof_files
from ledger.merkle.checkpoints import Checkpoint
from ledger.merkle.hashing import leaf_hash
from ledger.merkle.note_keys import SignerKey
from ledger.merkle.proof_files import ProofFile, ProofFileError
from ledger.merkle.proofs import prove_inclusion

from .reference import UNTIMED, definition, numbered
from .tampering import tampered

KEY = SignerKey("example.com/log", b"s" * 32)
MTH = definition()


def proof_file(position: int, size: int, extra: bytes | None = None) -> ProofFile:
    note = checkpoints.sign(Checkpoint(KEY.name, size, MTH(0, size)), KEY)
    return ProofFile(position, prove_inclusion(position, size, MTH).hashes, bytes(note), extra)


def test_the_lines_are_those_of_the_text() -> None:
    lines = bytes(proof_file(1, 3, b"\x01\x02")).decode().split("\n")
    assert lines[:3] == ["c2sp.org/tlog-proof@v1", "extra AQI=", "index 1"]
    assert [len(line) for line in lines[3:5]] == [44, 44]
    assert lines[5:8] == ["", "example.com/log", "3"]
    assert lines[9] == ""
    assert lines[10].startswith("— example.com/log ")
    assert lines[11:] == [""]


@UNTIMED
@given(st.integers(1, 600), st.data(), st.none() | st.binary(max_size=100))
def test_a_proof_file_is_read_as_it_is_written_and_holds(size: int, data: st.DataObject, extra: bytes | None) -> None:
    position = data.draw(st.integers(0, size - 1))
    made = proof_file(position, size, extra)
    assert proof_files.parse(bytes(made)) == made
    assert proof_files.verify(made, leaf_hash(numbered(position)), [KEY.verifier]).size == size


@pytest.mark.parametrize(("position", "size"), [(0, 1), (0, 2), (1, 3), (4, 5), (6, 7)])
def test_no_small_change_of_a_proof_file_is_believed(position: int, size: int) -> None:
    leaf = leaf_hash(numbered(position))
    for changed in tampered(bytes(proof_file(position, size))):
        with pytest.raises(ValueError, match=r"."):
            proof_files.verify(proof_files.parse(changed), leaf, [KEY.verifier])


def test_a_proof_is_of_one_leaf_at_one_position() -> None:
    made = proof_file(3, 7)
    with pytest.raises(ValueError, match="leads to the root"):
        proof_files.verify(made, leaf_hash(numbered(2)), [KEY.verifier])
    elsewhere = ProofFile(7, made.hashes, made.note)
    with pytest.raises(ValueError, match="says nothing of position 7"):
        proof_files.verify(elsewhere, leaf_hash(numbered(3)), [KEY.verifier])


@pytest.mark.parametrize(
    "change",
    [("@v1", "@v2"), ("index 1", "index 01"), ("\n\n", "\n"), ("index", "Index"), ("index 1\n", "")],
)
def test_other_spellings_are_no_proof_file(change: tuple[str, str]) -> None:
    whole = bytes(proof_file(1, 3)).decode()
    with pytest.raises(ProofFileError):
        proof_files.parse(whole.replace(*change, 1).encode())
