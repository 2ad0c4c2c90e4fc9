"""Every exception of the product, with the data that a caller needs to act on it.

Doors turn them into exit codes and problem documents; nothing here knows of either.
"""

from __future__ import annotations


class LedgerError(Exception):
    """The root: whatever the product raises on purpose."""


class SettingsError(LedgerError):
    """The configuration cannot be used; the message says which setting and what to set it to."""


class Refused(LedgerError):
    """A command that may not be recorded. Nothing was written.

    `code` is stable and machine readable, `field` the path of the offending field on the command line
    (`data.percent`) or None when the command as a whole is at fault, `reason` a sentence for people.
    """

    def __init__(self, code: str, field: str | None, reason: str) -> None:
        super().__init__(f"{field}: {reason}" if field else reason)
        self.code = code
        self.field = field
        self.reason = reason


class VersionConflict(LedgerError):
    """The stream is not at the version that the caller expected. Nothing was written; read again and decide anew."""

    def __init__(self, stream: str, expected: int, actual: int) -> None:
        super().__init__(f"{stream} is at version {actual}, not at the expected {expected}")
        self.stream = stream
        self.expected = expected
        self.actual = actual


class NotFound(LedgerError):
    """There is nothing under that name, as far as was known at that time."""

    def __init__(self, kind: str, name: str) -> None:
        super().__init__(f"there is no {kind} {name}")
        self.kind = kind
        self.name = name


class BadQuery(LedgerError):
    """A question that cannot be answered as it is put: `field` names the parameter."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field
        self.reason = reason


class BadFile(LedgerError):
    """A file that cannot be taken in: `line` is 1-based, or None when the file as a whole is at fault."""

    def __init__(self, file: str, line: int | None, reason: str) -> None:
        super().__init__(f"{file}, line {line}: {reason}" if line is not None else f"{file}: {reason}")
        self.file = file
        self.line = line
        self.reason = reason


class EntryError(LedgerError):
    """Bytes that are not an entry of this format, or of a type or schema version that is not known here."""


class NoKey(SettingsError):
    """There is no key to sign or verify with; the message says how to come by one."""


class IntegrityError(LedgerError):
    """What the ledger or an archive holds is not what was recorded, or not what was signed. Nothing goes on from it."""


class Rollback(IntegrityError):
    """ROLLBACK: the log has fewer entries than a checkpoint that was signed. Nothing is signed any more."""

    def __init__(self, signed: int, found: int) -> None:
        super().__init__(
            f"ROLLBACK: a checkpoint was signed over {signed:,} entries, and the log holds {found:,}. Records were "
            "lost or taken away, or an old backup was put back: restore what was signed (ledger archive restore)"
        )
        self.signed = signed
        self.found = found


class Fork(IntegrityError):
    """FORK: the first entries are not those over which a checkpoint was signed. Nothing is signed any more."""

    def __init__(self, size: int, signed: bytes, found: bytes) -> None:
        super().__init__(
            f"FORK: the checkpoint over the first {size:,} entries has the root {signed.hex()}, and these entries give "
            f"{found.hex()}. History was changed, or this key signs for another ledger (LEDGER_KEY_FILE)"
        )
        self.size = size
        self.signed = signed
        self.found = found


class WitnessError(LedgerError):
    """A witness has not stood for a checkpoint, for a reason that says nothing of the log; it can be asked again."""

    def __init__(self, witness: str, reason: str) -> None:
        super().__init__(f"witness {witness}: {reason}")
        self.witness = witness
        self.reason = reason


class WitnessDisagrees(IntegrityError):
    """A witness says that it has cosigned another history of this log: one of the two was altered, or it lies."""

    def __init__(self, witness: str, reason: str) -> None:
        super().__init__(
            f"DISPUTED by the witness {witness}: {reason}. Run `ledger verify`, and compare with what others hold of "
            "this log: an archive, a checkpoint, another witness"
        )
        self.witness = witness
        self.reason = reason


class EntryMissing(IntegrityError):
    """MISSING: the log has no entry at a position below its head."""

    def __init__(self, position: int) -> None:
        super().__init__(f"MISSING: the log has no entry at position {position}")
        self.position = position


class MigrationError(LedgerError):
    """The database's schema is not one that this version can bring up to date."""


class DatabaseUnavailable(LedgerError):
    """The database could not be reached or did not answer in time."""


class Busy(LedgerError):
    """More appends are waiting than the queue holds; try again in `retry_after` seconds."""

    def __init__(self, waiting: int, retry_after: float = 1.0) -> None:
        super().__init__(f"{waiting} appends are waiting; try again in {retry_after:g} s")
        self.waiting = waiting
        self.retry_after = retry_after


class Lagging(LedgerError):
    """A read model, or the log itself, has not reached the position asked for in the time allowed."""

    def __init__(self, projection: str, tracked: int, wanted: int) -> None:
        super().__init__(f"{projection} has come to {tracked} of {wanted} records; try again shortly")
        self.projection = projection
        self.tracked = tracked
        self.wanted = wanted


class EmbeddedServerError(LedgerError):
    """The embedded PostgreSQL server could not be started; the message holds the end of its log and what to do."""


class Outdated(LedgerError):
    """A read model was built by another version of its projection and must be rebuilt before it is read."""

    def __init__(self, projection: str, built: int, wanted: int) -> None:
        super().__init__(
            f"read model {projection} was built by version {built} and this product has version {wanted}: "
            f"run `ledger projections rebuild {projection}`, then `ledger projections switch {projection}`"
        )
        self.projection = projection
        self.built = built
        self.wanted = wanted


class WorkerStopped(LedgerError):
    """A process that shared the work ended before it was done; the message says how, and what to do."""


class RebuildRefused(LedgerError):
    """The rebuild cannot begin or go on; the message says why and what to do."""


class NotEmpty(LedgerError):
    """A ledger that holds other records: an export can be restored only into an empty one."""

    def __init__(self, records: int) -> None:
        super().__init__(
            f"the ledger holds {records:,} records that are not a restore of this file: restore into an empty one "
            "(another LEDGER_DATA_DIR or LEDGER_DATABASE_URL)"
        )
        self.records = records


class AlreadyErased(LedgerError):
    """A text that was to be erased is not there any more: somebody else erased it meanwhile. Nothing was done."""

    def __init__(self) -> None:
        super().__init__("others erase the same texts at this moment: try again")


class ErasedMeanwhile(LedgerError):
    """Texts were erased while an export was written; nothing is wrong with either."""

    def __init__(self) -> None:
        super().__init__("texts were erased meanwhile: run the export again")


class NotForDemo(LedgerError):
    """The demo cannot be shown here: the ledger holds records of its own, or the example is not at hand."""
