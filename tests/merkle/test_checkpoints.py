"""Checkpoints: to the byte as published, and believed only from their own log."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.merkle import checkpoints, notes
from ledger.merkle.checkpoints import Checkpoint, CheckpointError
from ledger.merkle.hashing import EMPTY_ROOT
from ledger.merkle.note_keys import SignerKey
from ledger.merkle.notes import NoteError

from .tampering import tampered

KEY = SignerKey("example.com/behind-the-sofa", b"s" * 32)
# The example of C2SP tlog-checkpoint.
TEXT = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
SOFA = checkpoints.parse_text(TEXT)
LINES = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1)
ROOTS = st.binary(min_size=32, max_size=32)


def test_the_published_example_is_read_and_written() -> None:
    assert (SOFA.origin, SOFA.size, SOFA.extensions) == ("example.com/behind-the-sofa", 20852163, ())
    assert SOFA.text == TEXT


@given(LINES, st.integers(1, 2**63 - 1), ROOTS, st.lists(LINES).map(tuple))
def test_a_checkpoint_is_read_as_it_is_written(
    origin: str, size: int, root: bytes, extensions: tuple[str, ...]
) -> None:
    checkpoint = Checkpoint(origin, size, root, extensions)
    assert checkpoints.parse_text(checkpoint.text) == checkpoint


def test_a_signed_checkpoint_is_read_by_those_who_have_the_key() -> None:
    content = bytes(checkpoints.sign(SOFA, KEY))
    assert checkpoints.read(content, [KEY.verifier]) == SOFA
    assert checkpoints.read_unverified(content) == SOFA
    with pytest.raises(NoteError):
        checkpoints.read(content, [SignerKey(KEY.name, b"t" * 32).verifier])


def test_no_small_change_of_a_checkpoint_is_believed() -> None:
    for changed in tampered(bytes(checkpoints.sign(SOFA, KEY))):
        with pytest.raises(NoteError):
            checkpoints.read(changed, [KEY.verifier])


def test_a_log_speaks_only_for_itself() -> None:
    stranger = SignerKey("example.com/stranger", b"x" * 32)
    with pytest.raises(CheckpointError):
        checkpoints.sign(SOFA, stranger)
    with pytest.raises(NoteError, match="stranger only"):
        checkpoints.read(bytes(notes.sign(TEXT, stranger)), [KEY.verifier, stranger.verifier])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n",
        TEXT.replace("20852163", "020852163"),
        TEXT.replace("20852163", "+1"),
        TEXT.replace("20852163", "-1"),
        TEXT.replace("20852163", "٣"),
        TEXT.replace("20852163", str(2**63)),
        TEXT.replace("20852163", "0"),
        TEXT.replace("q2I=", "q2J="),
        TEXT.replace("q2I=\n", "q2I\n"),
        TEXT[:-1],
        TEXT + "\n",
        TEXT + "extension\n\n",
        TEXT.replace("\n", "\r\n"),
    ],
)
def test_other_spellings_are_no_checkpoint(text: str) -> None:
    with pytest.raises(CheckpointError):
        checkpoints.parse_text(text)


def test_an_empty_log_has_a_checkpoint_with_the_empty_root() -> None:
    empty = Checkpoint("log", 0, EMPTY_ROOT)
    assert checkpoints.parse_text(empty.text) == empty
    with pytest.raises(CheckpointError):
        Checkpoint("log", 0, bytes(32))
