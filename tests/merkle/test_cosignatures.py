"""Cosignatures: to the byte as others give them, and believed for their text alone."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.merkle import checkpoints, cosignatures, notes
from ledger.merkle.checkpoints import Checkpoint
from ledger.merkle.cosignatures import (
    MAX_TIME,
    WitnessKey,
    WitnessSigner,
    parse_witness_skey,
    parse_witness_vkey,
)
from ledger.merkle.note_keys import KeyTextError, SignerKey, parse_vkey
from ledger.merkle.notes import Note, NoteError, NoteSignature

from .tampering import tampered
from .test_note_keys import NAMES, SEEDS

# A checkpoint of a public log with the cosignatures of public witnesses, as it was served, and the vkeys of the log and
# of one witness.
PUBLIC = (Path(__file__).parents[1] / "vectors/c2sp/cosigned-checkpoint.txt").read_bytes()
LOG_VKEY = "arche2025h1.staging.ct.transparency.dev+ba2f06c0+AU0vHmlGCS/PdN8b2OaGmKprLI8HKM+dJ472xgFYh15f"
WITNESS_VKEY = "remora.n621.de+da77ade7+BOvN63jn/bLvkieywe8R6UYAtVtNbZpXh34x7onlmtw2"
LOG = SignerKey("example.org/log", b"l" * 32)
ONE = WitnessSigner("witness.example/one", b"1" * 32)
OTHER = WitnessSigner("witness.example/other", b"2" * 32)
CHECKPOINT = Checkpoint(LOG.name, 7, bytes(range(32)))


def note(*lines: NoteSignature) -> Note:
    """The checkpoint, signed by its log, with these lines under it."""
    signed = checkpoints.sign(CHECKPOINT, LOG)
    return Note(signed.text, (*signed.signatures, *lines))


def by(signer: WitnessSigner, time: int = 1_700_000_000) -> NoteSignature:
    return cosignatures.cosign(CHECKPOINT.text, signer, time)


def test_the_cosignature_of_a_public_witness_on_a_public_log_is_verified() -> None:
    witness = parse_witness_vkey(WITNESS_VKEY)
    assert witness.vkey == WITNESS_VKEY
    (found,) = cosignatures.of(notes.parse(PUBLIC), [witness])
    assert (found.key, found.time) == (witness, 0x6A122120)
    assert checkpoints.read(PUBLIC, [parse_vkey(LOG_VKEY)]).size == 1_432_088_532


def test_no_small_change_of_it_is_believed() -> None:
    witness = parse_witness_vkey(WITNESS_VKEY)
    text, _, lines = PUBLIC.rpartition(b"\n\n")
    alone = text + b"\n\n" + lines.splitlines(keepends=True)[2]
    assert cosignatures.of(notes.parse(alone), [witness])
    for changed in tampered(alone):
        try:
            found = cosignatures.of(notes.parse(changed), [witness])
        except NoteError:
            continue
        assert found == (), changed


@given(NAMES, SEEDS)
def test_keys_are_read_as_they_are_written_and_are_not_those_of_logs(name: str, seed: bytes) -> None:
    signer = WitnessSigner(name, seed)
    assert parse_witness_skey(signer.skey) == signer
    assert parse_witness_vkey(signer.verifier.vkey) == signer.verifier
    assert signer.verifier.id != SignerKey(name, seed).verifier.id
    with pytest.raises(KeyTextError, match="0x04"):
        parse_vkey(signer.verifier.vkey)
    with pytest.raises(KeyTextError, match="0x01"):
        parse_witness_vkey(SignerKey(name, seed).verifier.vkey)


@given(st.integers(0, MAX_TIME), SEEDS)
def test_what_is_signed_is_the_published_message(time: int, seed: bytes) -> None:
    signer = WitnessSigner("w", seed)
    line = cosignatures.cosign(CHECKPOINT.text, signer, time)
    assert line.signature[:8] == time.to_bytes(8, "big")
    message = f"cosignature/v1\ntime {time}\n{CHECKPOINT.text}".encode()
    assert SignerKey("w", seed).verifier.accepts(message, line.signature[8:])
    assert cosignatures.of(Note(CHECKPOINT.text, (line,)), [signer.verifier])[0].time == time
    assert cosignatures.time_of(line.line) == time


def test_a_time_that_no_cosignature_has_is_neither_given_nor_believed() -> None:
    for time in (-1, MAX_TIME + 1):
        with pytest.raises(ValueError, match="time"):
            by(ONE, time)
    beyond = (MAX_TIME + 1).to_bytes(8, "big")
    signature = ONE.sign(f"cosignature/v1\ntime {MAX_TIME + 1}\n{CHECKPOINT.text}".encode())
    with pytest.raises(NoteError):
        cosignatures.of(note(NoteSignature(ONE.name, ONE.verifier.id, beyond + signature)), [ONE.verifier])


def test_lines_of_others_are_passed_over_and_each_witness_counts_once() -> None:
    signed = note(by(OTHER), by(ONE, 5), by(ONE, 9), by(ONE, 7))
    assert [(each.key, each.time) for each in cosignatures.of(signed, [ONE.verifier])] == [(ONE.verifier, 9)]
    assert cosignatures.of(signed, []) == ()
    assert cosignatures.of(note(), [ONE.verifier]) == ()
    # The log's own signature is verified as ever, whoever else has signed.
    assert checkpoints.read(bytes(signed), [LOG.verifier]) == CHECKPOINT


def test_a_cosignature_of_another_time_text_or_kind_spoils_the_note() -> None:
    good = by(ONE)
    later = NoteSignature(good.name, good.key_id, (1).to_bytes(8, "big") + good.signature[8:])
    short = NoteSignature(good.name, good.key_id, good.signature[:-1])
    plain = NoteSignature(good.name, good.key_id, ONE.sign(CHECKPOINT.text.encode()))
    stamped = NoteSignature(good.name, good.key_id, bytes(8) + ONE.sign(CHECKPOINT.text.encode()))
    for false in (later, short, plain, stamped):
        with pytest.raises(NoteError, match="not over this text"):
            cosignatures.of(note(by(OTHER), false), [ONE.verifier, OTHER.verifier])


def test_a_cosignature_is_no_signature_of_a_log_by_the_same_seed() -> None:
    log = SignerKey(LOG.name, b"1" * 32)
    line = cosignatures.cosign(CHECKPOINT.text, WitnessSigner(LOG.name, b"1" * 32), 1)
    forged = NoteSignature(log.name, log.verifier.id, line.signature)
    for lines in ((line,), (forged,)):
        with pytest.raises(NoteError):
            checkpoints.read(bytes(Note(CHECKPOINT.text, lines)), [log.verifier])


def test_equal_bytes_under_another_type_are_another_key() -> None:
    assert WitnessKey("w", bytes(32)) != SignerKey("w", bytes(32)).verifier
