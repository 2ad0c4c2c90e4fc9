"""One-dimensional arrays in PostgreSQL's binary format (array_send and array_recv in its arrayfuncs.c).

A header of five big-endian 32-bit integers (dimensions, whether there are nulls, element type, length, first
subscript), then the length and the bytes of each element, -1 for a null. psycopg's own adaptation gives the same bytes
at several times the cost, and a quarter of the time of a single append was spent on it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from struct import Struct
from uuid import UUID

_TEXT, _BYTEA, _UUID, _INTEGER, _BIGINT = 25, 17, 2950, 23, 20
"""Object ids of the element types, the same on every server (pg_type.dat)."""
_header = Struct(">5i")
_length = Struct(">i")
_integer = Struct(">2i")
_bigint = Struct(">iq")
_NULL = _length.pack(-1)


def texts(values: Sequence[str | None]) -> bytes:
    """A `text[]`."""
    return _array(_TEXT, [None if value is None else value.encode() for value in values])


def byteas(values: Sequence[bytes | None]) -> bytes:
    """A `bytea[]`."""
    return _array(_BYTEA, values)


def uuids(values: Sequence[UUID | None]) -> bytes:
    """A `uuid[]`."""
    return _array(_UUID, [None if value is None else value.bytes for value in values])


def integers(values: Iterable[int]) -> bytes:
    """An `integer[]`. Raises `struct.error` for a value of more than 32 bits."""
    return _joined(_INTEGER, [_integer.pack(4, value) for value in values], nulls=False)


def bigints(values: Sequence[int | None]) -> bytes:
    """A `bigint[]`. Raises `struct.error` for a value of more than 64 bits."""
    parts = [_NULL if value is None else _bigint.pack(8, value) for value in values]
    return _joined(_BIGINT, parts, nulls=None in values)


def read_texts(array: bytes) -> list[str | None]:
    """The values of a `text[]`."""
    return [None if element is None else element.decode() for element in _elements(array)]


def read_integers(array: bytes) -> list[int | None]:
    """The values of an `integer[]` or a `bigint[]`."""
    return [None if element is None else int.from_bytes(element, "big", signed=True) for element in _elements(array)]


def read_byteas(array: bytes) -> list[bytes | None]:
    """The values of a `bytea[]`."""
    return _elements(array)


def _array(element_type: int, values: Sequence[bytes | None]) -> bytes:
    parts = []
    for value in values:
        if value is None:
            parts.append(_NULL)
        else:
            parts.append(_length.pack(len(value)))
            parts.append(value)
    return _joined(element_type, parts, nulls=None in values, length=len(values))


def _joined(element_type: int, parts: list[bytes], *, nulls: bool, length: int | None = None) -> bytes:
    length = len(parts) if length is None else length
    if not length:
        return _header.pack(0, 0, element_type, 0, 1)[:12]
    return _header.pack(1, nulls, element_type, length, 1) + b"".join(parts)


def _elements(array: bytes) -> list[bytes | None]:
    found: list[bytes | None] = []
    at = _header.size
    while at < len(array):
        (length,) = _length.unpack_from(array, at)
        at += _length.size
        if length < 0:
            found.append(None)
        else:
            found.append(array[at : at + length])
            at += length
    return found
