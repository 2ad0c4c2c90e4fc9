"""What the keys of a log say of each other: that one follows another, and that one signs no more.

Whoever may append to a log could otherwise bring in a key of his own, and the log would be signed over it. So each
statement is signed by the keys that it is about, over lines that no checkpoint can be: the second is no number.

    progress-ledger/key-rotation/v1           progress-ledger/key-retirement/v1
    <vkey of the key so far>                  <vkey of the key that signs no more>
    <vkey of the key that follows>            <vkey of a key that goes on>
    <until when both sign, YYYY-MM-DD>
"""

from __future__ import annotations

import datetime as dt

from ledger.merkle import base64_text
from ledger.merkle.note_keys import SignerKey, VerifierKey


def rotation(old: VerifierKey, new: VerifierKey, until: dt.date) -> bytes:
    """The statement that `new` follows `old`, and that both are meant to sign until that day."""
    return f"progress-ledger/key-rotation/v1\n{old.vkey}\n{new.vkey}\n{until.isoformat()}\n".encode()


def retirement(key: VerifierKey, by: VerifierKey) -> bytes:
    """The statement that `key` signs no more, and `by` does."""
    return f"progress-ledger/key-retirement/v1\n{key.vkey}\n{by.vkey}\n".encode()


def sign(statement: bytes, key: SignerKey) -> str:
    """The key's signature over the statement, in base 64."""
    return base64_text.encode(key.sign(statement))


def holds(statement: bytes, key: VerifierKey, signature: str) -> bool:
    """Whether the key has signed the statement."""
    try:
        return key.accepts(statement, base64_text.decode(signature))
    except ValueError:
        return False
