"""Signed notes: to the byte as published, and unforgiving."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.merkle import notes
from ledger.merkle.note_keys import SignerKey, parse_skey
from ledger.merkle.notes import Note, NoteError, NoteSignature

from .tampering import tampered
from .test_note_keys import NEUMANN_SKEY

NEUMANN = parse_skey(NEUMANN_SKEY)
OTHER = SignerKey("example.com/other", b"o" * 32)
# The example of golang.org/x/mod/sumdb/note.
ANSWER = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
SIGNED = (
    ANSWER
    + "\n— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
).encode()
TEXTS = st.text(st.characters(exclude_categories=("Cs", "Cc")) | st.just("\n")).map(lambda text: text + "\n")


def test_the_published_example_is_signed_to_the_byte() -> None:
    assert bytes(notes.sign(ANSWER, NEUMANN)) == SIGNED
    assert notes.verify(notes.parse(SIGNED), [NEUMANN.verifier]) == (NEUMANN.verifier,)


@given(TEXTS)
def test_a_note_is_read_as_it_is_written_whatever_its_empty_lines(text: str) -> None:
    note = notes.sign(text, NEUMANN, OTHER)
    assert notes.parse(bytes(note)) == note
    assert notes.verify(note, [OTHER.verifier]) == (OTHER.verifier,)


def test_no_small_change_of_a_note_is_believed() -> None:
    for changed in tampered(SIGNED):
        with pytest.raises(NoteError):
            notes.verify(notes.parse(changed), [NEUMANN.verifier])


def test_signatures_of_unknown_keys_are_passed_over() -> None:
    note = notes.sign(ANSWER, OTHER, NEUMANN)
    assert notes.verify(note, [NEUMANN.verifier]) == (NEUMANN.verifier,)
    same_name = SignerKey("PeterNeumann", b"x" * 32)
    with pytest.raises(NoteError, match="none of the keys given"):
        notes.verify(notes.sign(ANSWER, same_name, OTHER), [NEUMANN.verifier])


def test_a_known_key_that_did_not_sign_spoils_the_note() -> None:
    false = NoteSignature(NEUMANN.name, NEUMANN.verifier.id, OTHER.sign(ANSWER.encode()))
    good = notes.sign(ANSWER, OTHER).signatures
    with pytest.raises(NoteError, match="not over this text"):
        notes.verify(Note(ANSWER, (*good, false)), [OTHER.verifier, NEUMANN.verifier])


def test_sixteen_signatures_are_read_and_very_many_are_not() -> None:
    (signature,) = notes.sign(ANSWER, NEUMANN).signatures
    assert notes.verify(notes.parse(bytes(Note(ANSWER, (signature,) * 16))), [NEUMANN.verifier])
    line = (signature.line + "\n").encode()
    with pytest.raises(NoteError):
        notes.parse(SIGNED + 100 * line)
    with pytest.raises(NoteError, match="bytes is not read"):
        notes.parse(SIGNED + 20_000 * line)


@pytest.mark.parametrize("text", ["", "no newline", "tab\t\n", "return\r\n", "nul\0\n"])
def test_what_cannot_be_the_text_of_a_note_is_not_signed(text: str) -> None:
    with pytest.raises(NoteError):
        notes.sign(text, NEUMANN)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"text\n",
        b"text\n\n",
        b"\n\n",
        SIGNED[:-1],
        SIGNED.replace(b"\n\n", b"\n"),
        b"\xff" + SIGNED,
        SIGNED + b"\n",
    ],
)
def test_what_is_not_a_note_is_refused(content: bytes) -> None:
    with pytest.raises(NoteError):
        notes.parse(content)
