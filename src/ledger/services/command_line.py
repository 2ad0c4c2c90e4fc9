"""One command as a line of JSON: what clients post and files hold."""

from __future__ import annotations

import hashlib
from typing import Annotated, Any, cast, get_args

import msgspec
from msgspec import Meta, Raw, Struct

from ledger.domain import commands as cmd
from ledger.domain.values import Code
from ledger.errors import Refused
from ledger.store.append import IdempotencyKey

MAX_LINE_BYTES = 1_000_000
"""More than any command whose entry may be kept."""
MAX_EXPECTED_VERSION = 2**31 - 1
NO_NUL = r"^[^\x00]*$"
"""PostgreSQL's texts cannot hold U+0000."""


class CommandLine(Struct, frozen=True, forbid_unknown_fields=True):
    """A command with what stands beside it. Exactly one of `task`, `unit`, `plan`, `calendar` names the aggregate."""

    command: str
    acting_unit: Code
    data: Raw = Raw(b"{}")
    task: Code | None = None
    unit: Code | None = None
    plan: Code | None = None
    calendar: Code | None = None
    effective_at: str | None = None
    """A day, or an instant with an offset; the local day of recording when not given."""
    recorded_at: str | None = None
    """When an older system recorded it; only in history."""
    expected_version: Annotated[int, Meta(ge=0, le=MAX_EXPECTED_VERSION)] | None = None
    idempotency_key: Annotated[str, Meta(min_length=1, max_length=200, pattern=NO_NUL)] | None = None
    correlation: Annotated[str, Meta(max_length=200, pattern=NO_NUL)] | None = None

    @property
    def aggregate(self) -> tuple[str, str]:
        """(kind, code) of the aggregate, such as ("task", "T1")."""
        if self.task is not None:  # as nearly always, and every command asks a few times
            return "task", self.task
        for kind in _KINDS:
            code = getattr(self, kind)
            if code is not None:
                return kind, code
        raise AssertionError("parse_line lets no line through that names no aggregate")

    @property
    def stream(self) -> str:
        """The name of the aggregate's stream."""
        return "/".join(self.aggregate)

    def key(self) -> IdempotencyKey | None:
        """The idempotency key with the fingerprint of all that the line asks for, or None when it has no key."""
        if self.idempotency_key is None:
            return None
        asked: dict[str, Any] = {
            name: getattr(self, name) for name in self.__struct_fields__ if name not in ("data", "idempotency_key")
        }
        asked["data"] = _numbers_as_written.decode(self.data)
        fingerprint = hashlib.sha256(msgspec.json.encode(asked, order="sorted")).digest()
        return IdempotencyKey(self.acting_unit, self.idempotency_key, fingerprint)


_KINDS = ("task", "unit", "plan", "calendar")
_UNIONS = (cmd.TaskCommand, cmd.UnitCommand, cmd.PlanCommand, cmd.CalendarCommand)
_TYPES: dict[str, tuple[str, type[cmd.Command]]] = {
    str(cls.__struct_config__.tag): (kind, cls)
    for kind, union in zip(_KINDS, _UNIONS, strict=True)
    for cls in get_args(union)
}
COMMAND_NAMES = tuple(_TYPES)
_numbers_as_written = msgspec.json.Decoder(float_hook=str)
_line_decoder = msgspec.json.Decoder(CommandLine)
_data_decoders = {name: msgspec.json.Decoder(cls) for name, (_, cls) in _TYPES.items()}


def parse_line(line: bytes) -> tuple[CommandLine, cmd.AnyCommand]:
    """The line and its command; raises `Refused`, naming the field, when it is not one."""
    if len(line) > MAX_LINE_BYTES:
        raise Refused("line_too_long", None, f"a command takes at most {MAX_LINE_BYTES:,} bytes")
    try:
        parsed = _line_decoder.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _malformed(error, "") from error
    if parsed.command not in _TYPES:
        raise Refused("unknown_command", "command", f"{parsed.command!r} is not one of {', '.join(COMMAND_NAMES)}")
    kind, _ = _TYPES[parsed.command]
    named = [name for name in _KINDS if getattr(parsed, name) is not None]
    if named != [kind]:
        raise Refused("which_aggregate", kind, f"{parsed.command} names a {kind} by `{kind}`, and nothing else")
    try:
        command = _data_decoders[parsed.command].decode(parsed.data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _malformed(error, "data") from error
    return parsed, cast("cmd.AnyCommand", command)


def _malformed(error: Exception, prefix: str) -> Refused:
    """Msgspec says `... - at `$.new_deadline.date``: the path becomes the field."""
    reason, _, path = str(error).partition(" - at `$")
    field = (prefix + path.rstrip("`")).lstrip(".") or None
    if isinstance(error, msgspec.ValidationError):
        return Refused("invalid_command", field, reason)
    return Refused("malformed_json", field, reason)
