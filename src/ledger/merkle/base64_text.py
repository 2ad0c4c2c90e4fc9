"""Base 64 in one spelling: RFC 4648, section 4, with its padding and no stray bits."""

from __future__ import annotations

import base64
import binascii


def encode(value: bytes) -> str:
    """Return the one text that `decode` turns back into the bytes."""
    return base64.b64encode(value).decode()


def decode(text: str) -> bytes:
    """Return the bytes; the inverse of `encode`.

    Raises ValueError for any other spelling of them, such as one whose last character has unused bits set: two
    texts that mean the same would let a signed file be changed without its signature noticing.
    """
    try:
        value = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        reason = f"not base 64: {text!r}"
        raise ValueError(reason) from error
    if encode(value) != text:
        reason = f"not the usual base 64 of its bytes: {text!r}"
        raise ValueError(reason)
    return value
