"""Keys of signed notes: read as they are written, and nothing else read as them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.merkle.note_keys import KeyTextError, SignerKey, VerifierKey, parse_skey, parse_vkey

from .reference import flip
from .tampering import tampered

# The example of golang.org/x/mod/sumdb/note, which other implementations are held to as well.
NEUMANN_SKEY = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
NEUMANN_VKEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"

NAMES = st.text(st.characters(exclude_categories=("Cs", "Cc", "Zs", "Zl", "Zp"), exclude_characters="+"), min_size=1)
SEEDS = st.binary(min_size=32, max_size=32)


def test_the_published_example_is_read_and_written() -> None:
    signer = parse_skey(NEUMANN_SKEY)
    assert signer.skey == NEUMANN_SKEY
    assert signer.verifier.vkey == NEUMANN_VKEY
    assert parse_vkey(NEUMANN_VKEY) == signer.verifier


@given(NAMES, SEEDS)
def test_keys_are_read_as_they_are_written(name: str, seed: bytes) -> None:
    signer = SignerKey(name, seed)
    assert parse_skey(signer.skey) == signer
    assert parse_vkey(signer.verifier.vkey) == signer.verifier


def test_no_other_text_is_the_same_key() -> None:
    for changed in tampered(NEUMANN_VKEY.encode()):
        try:
            read = parse_vkey(changed.decode())
        except (KeyTextError, UnicodeDecodeError):
            continue
        pytest.fail(f"{changed!r} is read as {read}")


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\n", "a\u00a0b", "a\u2003b", "a\x00", "\ud800"])
def test_a_name_that_would_break_a_signature_line_is_refused(name: str) -> None:
    with pytest.raises(KeyTextError):
        VerifierKey(name, bytes(32))


@pytest.mark.parametrize("length", [0, 31, 33])
def test_a_key_has_32_bytes(length: int) -> None:
    with pytest.raises(KeyTextError):
        VerifierKey("log", bytes(length))
    with pytest.raises(KeyTextError):
        SignerKey("log", bytes(length))


def test_other_algorithms_are_named_and_refused() -> None:
    with pytest.raises(KeyTextError, match="type 0x04"):
        parse_vkey("witness+00000000+BAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")


def test_no_message_shows_the_private_key() -> None:
    secret = NEUMANN_SKEY.rpartition("+")[2]
    assert secret[5:] not in repr(parse_skey(NEUMANN_SKEY))
    for changed in tampered(NEUMANN_SKEY.encode()):
        with pytest.raises(KeyTextError) as caught:
            parse_skey(changed.decode(errors="replace"))
        assert secret[10:30] not in f"{caught.value}{caught.value.__cause__}"


@given(SEEDS, st.binary(max_size=100))
def test_a_signature_is_accepted_for_its_message_alone(seed: bytes, message: bytes) -> None:
    signer = SignerKey("log", seed)
    signature = signer.sign(message)
    assert signature == signer.sign(message)
    assert signer.verifier.accepts(message, signature)
    assert not signer.verifier.accepts(message + b"\0", signature)
    assert not signer.verifier.accepts(message, flip(signature, seed[0]))
    assert not signer.verifier.accepts(message, signature[:-1])
