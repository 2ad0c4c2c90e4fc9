"""The texts in a certificate: what opens the references in the report, and the words for those that are absent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

from ledger.domain.texts import REFERENCE, Absent, Opening, opens
from ledger.errors import IntegrityError
from ledger.services.certificates.contents import TEXTS, CertificateError

Found = Mapping[str, Opening | Absent]
"""By reference: what opens it, or why nothing does."""

_decoder = msgspec.json.Decoder(dict[str, Opening | Literal["erased", "withheld"]])


def encode(found: Found) -> bytes:
    """`{"<reference>":["<salt, base64>","<text>"]}`, or the word for why there is none; one a line, sorted.

    Raises `IntegrityError` for a text that is not the one that was recorded.
    """
    altered = next((ref for ref, each in sorted(found.items()) if each is Absent.ALTERED), None)
    if altered is not None:
        raise IntegrityError(f"the text of {altered} is not what was recorded: see what `ledger verify` says")
    return msgspec.json.format(msgspec.json.encode(found, order="sorted"), indent=1) + b"\n"


def decode(content: bytes) -> dict[str, Opening | Absent]:
    """The inverse of `encode`; each opening opens its reference. Raises `CertificateError`."""
    try:
        read = _decoder.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise CertificateError(TEXTS, str(error)) from error
    found = {ref: Absent(each) if isinstance(each, str) else each for ref, each in read.items()}
    for ref, each in found.items():
        if not REFERENCE.fullmatch(ref):
            raise CertificateError(TEXTS, f"{ref!r} is no reference")
        if isinstance(each, Opening) and not opens(each, ref):
            raise CertificateError(TEXTS, f"the text of {ref} is not the one that was recorded")
    if encode(found) != content:
        raise CertificateError(TEXTS, "it is not in the form in which it is written")
    return found


def text_of(found: Opening | Absent) -> str:
    """The text, or the word for why it is absent."""
    return found.text if isinstance(found, Opening) else found
