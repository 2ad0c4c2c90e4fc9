"""Every small change of some bytes."""

from __future__ import annotations

from collections.abc import Iterator

from .reference import flip


def tampered(content: bytes) -> Iterator[bytes]:
    """Each single bit flipped, each byte left out, doubled, and replaced by a newline; and one byte more at the end."""
    for bit in range(8 * len(content)):
        yield flip(content, bit)
    for place in range(len(content)):
        before, byte, after = content[:place], content[place : place + 1], content[place + 1 :]
        for changed in (before + after, before + byte + byte + after, before + b"\n" + after):
            if changed != content:
                yield changed
    for more in (b"\0", b"\n", b" ", content[-1:]):
        yield content + more
