"""The event stream as a file, and back again: the same positions, the same leaf hashes, the same reports."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import rfc8785
from tests.services.test_importing import at, imported, old_history, written
from tests.store.test_append import check_whole
from tests.support.databases import NewDatabase
from tests.support.histories import random_lines
from tests.support.killing import killed
from tests.support.ledgers import line, opened, record, submit
from tests.support.read_models import check_rebuilt_alike, contents

from ledger.errors import BadFile, NotEmpty, Refused, SettingsError
from ledger.merkle.hashing import leaf_hash
from ledger.reports import REPORTS
from ledger.reports.writers.json import write_json
from ledger.services import refill
from ledger.services.export import export, export_line, restore
from ledger.services.exported_texts import ALL, ExportedTexts
from ledger.services.ledger import Ledger
from ledger.services.reporting import ReportRequest, report
from ledger.settings import Settings
from ledger.store.locale import Locale


def nothing(_: int, __: int) -> None:
    """No progress is shown."""


@pytest.fixture
def ledger(ledger: Ledger) -> Ledger:
    """With a history in its log."""
    submit(ledger, *random_lines(random.Random(41), ("T1", "T2", "T3", "Tâche 4"), 120))
    return ledger


@pytest.fixture
def file(ledger: Ledger, tmp_path: Path) -> Path:
    """Its export."""
    assert export(ledger.log, tmp_path / "log.ndjson", nothing) == ledger.log.head().next_position
    return tmp_path / "log.ndjson"


@pytest.fixture
def other(new_database: NewDatabase) -> Iterator[Ledger]:
    """A ledger without a record, on another database."""
    with new_database() as database, opened(database) as made:
        yield made


def all_reports(ledger: Ledger) -> dict[str, bytes]:
    as_of = "2999-12-30"
    requests = [ReportRequest(name, as_of, on) for name in REPORTS for on in ("2025-03-10", "2025-03-31")]
    return {f"{each.name} {each.on}": write_json(report(ledger.queries(), each)) for each in requests}


# ── there and back ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_line_holds_the_entry_byte_for_byte_with_its_position_and_leaf_hash(ledger: Ledger, file: Path) -> None:
    lines = file.read_bytes().splitlines(keepends=True)
    entries = ledger.log.entries(0, 2**62)
    texts = ExportedTexts(ledger.texts, ALL).of(entries)
    locale = ledger.log.locale()
    assert lines == [export_line(position, entry, texts.get(position), locale) for position, entry in entries]
    assert [n for n, raw in enumerate(lines) if b'"locale":{"calendar":"VN",' in raw] == [0]
    assert any(b',"texts":{"data.title":' in raw for raw in lines)
    for raw, (position, entry) in zip(lines, entries, strict=True):
        read = json.loads(raw)
        assert rfc8785.dumps(read) + b"\n" == raw
        assert (read["position"], bytes.fromhex(read["leaf"])) == (position, leaf_hash(entry))
        assert rfc8785.dumps(read["entry"]) == entry


def test_what_is_restored_is_the_same_ledger(ledger: Ledger, other: Ledger, file: Path, tmp_path: Path) -> None:
    size = ledger.log.head().next_position
    assert restore(other, file, nothing) == size
    assert other.log.entries(0, size) == ledger.log.entries(0, size)
    assert other.log.head() == ledger.log.head()
    assert other.tiles.root(size) == ledger.tiles.root(size)
    assert all_reports(other) == all_reports(ledger)
    assert contents(other) == contents(ledger)
    export(other.log, tmp_path / "again.ndjson", nothing)
    assert (tmp_path / "again.ndjson").read_bytes() == file.read_bytes()
    check_whole(other.log)
    check_rebuilt_alike(other)


def test_days_are_counted_as_they_were(ledger: Ledger, new_database: NewDatabase, file: Path) -> None:
    """Whoever puts a log back need not know where it was kept; who says otherwise is told."""
    assert ledger.locale == Locale("Asia/Ho_Chi_Minh", "VN")
    elsewhere = file.with_name("elsewhere.ndjson")
    elsewhere.write_bytes(
        file.read_bytes().replace(b'"VN","time_zone":"Asia/Ho_Chi_Minh"', b'"FR","time_zone":"Europe/Paris"')
    )
    with new_database() as database, Ledger(Settings(database_url=database.app, pool_size=4)) as other:
        restore(other, elsewhere, nothing)
        assert other.locale == Locale("Europe/Paris", "FR")
        assert other.zone.key == "Europe/Paris"
        with pytest.raises(SettingsError, match="begun with"):
            restore(other, file, nothing)
    with new_database() as database, Ledger(Settings(database_url=database.app, calendar="LA")) as other:
        with pytest.raises(SettingsError, match="LEDGER_CALENDAR is LA"):
            restore(other, file, nothing)
        assert other.log.head().next_position == 0


@pytest.mark.parametrize(
    "locale", [b'{"calendar":"XX","time_zone":"Europe/Paris"}', b'{"calendar":"FR","time_zone":"Paris"}']
)
def test_days_that_nobody_can_count_are_refused(new_database: NewDatabase, file: Path, locale: bytes) -> None:
    file.write_bytes(re.sub(rb'"locale":\{[^}]*\}', b'"locale":' + locale, file.read_bytes(), count=1))
    with new_database() as database, Ledger(Settings(database_url=database.app, pool_size=4)) as other:
        with pytest.raises(SettingsError):
            restore(other, file, nothing)
        assert other.log.head().next_position == 0


def test_it_goes_on_where_the_other_was(ledger: Ledger, other: Ledger, file: Path) -> None:
    restore(other, file, nothing)
    for each in (ledger, other):
        (outcome,) = submit(each, line("assign_task", "T9", 20, title="after it", lead="U1"))
        assert outcome.position == each.log.head().next_position - 1  # type: ignore[union-attr]  # it is recorded
    assert other.log.stream_versions(["task/T9", "task/T1"]) == ledger.log.stream_versions(["task/T9", "task/T1"])
    check_whole(other.log)


@pytest.mark.parametrize("batch", [1, 7, 2000])
def test_batches_do_not_matter(
    ledger: Ledger, other: Ledger, file: Path, batch: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refill, "BATCH", batch)
    told: list[tuple[int, int]] = []
    restore(other, file, lambda done, total: told.append((done, total)))
    assert other.log.head() == ledger.log.head()
    size = file.stat().st_size
    assert told[-1] == (size, size)
    assert told == sorted(told)


def test_an_empty_ledger_has_an_empty_export(other: Ledger, tmp_path: Path) -> None:
    path = tmp_path / "empty.ndjson"
    assert export(other.log, path, nothing) == 0
    assert path.read_bytes() == b""
    assert restore(other, path, nothing) == 0
    assert other.log.head().next_position == 0


@pytest.mark.parametrize("live", [False, True])
def test_history_stays_history(new_database: NewDatabase, other: Ledger, tmp_path: Path, live: bool) -> None:
    """Where live events begin, and which files the log rests on, is told by the entries themselves."""
    with new_database() as database, opened(database) as ledger:
        imported(ledger, written(tmp_path / "old.ndjson", *old_history()), history=True)
        more = at("2024-07-01T00:00:00Z", line("rename_unit", "unit/A", "2024-07-01", unit="A", name="x"))
        imported(ledger, written(tmp_path / "more.ndjson", more), history=True)
        if live:
            record(ledger, line("rename_unit", "unit/B", 5, unit="A", name="y"))
        export(ledger.log, tmp_path / "log.ndjson", nothing)
        head, imports = ledger.log.head(), ledger.log.imports(99)
    restore(other, tmp_path / "log.ndjson", nothing)
    assert other.log.head() == head
    assert head.live_from == (9 if live else None)
    assert other.log.imports(99) == imports
    assert other.texts.opened([file.name for file in imports]) == ["old.ndjson", "more.ndjson"]
    later = at("2024-08-01T00:00:00Z", line("rename_unit", "unit/A", "2024-08-01", unit="A", name="z"))
    path = written(tmp_path / "later.ndjson", later)
    if live:
        with pytest.raises(Refused, match="live"):
            imported(other, path, history=True)
    else:
        assert imported(other, path, history=True)[0].recorded == 1


def test_an_import_that_is_in_the_export_is_not_taken_once_more(
    new_database: NewDatabase, other: Ledger, tmp_path: Path
) -> None:
    """Idempotency keys are not in the entries, so nothing would keep its lines from being recorded twice."""
    path = written(tmp_path / "old.ndjson", *old_history())
    with new_database() as database, opened(database) as ledger:
        imported(ledger, path, history=True)
        export(ledger.log, tmp_path / "log.ndjson", nothing)
    restore(other, tmp_path / "log.ndjson", nothing)
    head = other.log.head()
    with pytest.raises(Refused) as refused:
        imported(other, path, history=True)
    assert refused.value.code == "already_imported"
    assert other.log.head() == head


# ── what is not restored ─────────────────────────────────────────────────────────────────────────────────────────────


def swapped(lines: list[bytes]) -> int:
    lines[9], lines[10] = lines[10], lines[9]
    return 10


def dropped(lines: list[bytes]) -> int:
    del lines[9]
    return 10


def doubled(lines: list[bytes]) -> int:
    lines.insert(9, lines[9])
    return 11


def blank(lines: list[bytes]) -> int:
    lines.insert(9, b"\n")
    return 10


def cut(lines: list[bytes]) -> int:
    lines[-1] = lines[-1][:-20]
    return len(lines)


def changed(lines: list[bytes]) -> int:
    lines[9] = lines[9].replace(b'"AUTH"', b'"AUTO"', 1)
    return 10


def rehashed(lines: list[bytes]) -> int:
    """A change with its hash, so that only what it leads to is wrong: the entries' own order."""
    read = json.loads(lines[9])
    read["entry"]["recorded_at"] = json.loads(lines[8])["entry"]["recorded_at"]
    lines[9] = export_line(9, rfc8785.dumps(read["entry"]))
    return 10


def unreadable(lines: list[bytes]) -> int:
    read = json.loads(lines[9])
    read["entry"]["event"]["type"] = "task.unheard-of"
    lines[9] = export_line(9, rfc8785.dumps(read["entry"]))
    return 10


def spaced(lines: list[bytes]) -> int:
    lines[9] = lines[9].replace(b'","position":', b'", "position":')
    return 10


def other_version(lines: list[bytes]) -> int:
    read = json.loads(lines[9])
    read["entry"]["event"]["version"] += 5
    lines[9] = export_line(9, rfc8785.dumps(read["entry"]))
    return 10


FAULTS = (swapped, dropped, doubled, blank, cut, changed, rehashed, unreadable, spaced, other_version)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_file_that_is_not_as_it_was_is_refused_with_the_line(
    ledger: Ledger, other: Ledger, file: Path, fault: Callable[[list[bytes]], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refill, "BATCH", 1)
    sound = file.read_bytes()
    lines = sound.splitlines(keepends=True)
    number = fault(lines)
    file.write_bytes(b"".join(lines))
    with pytest.raises(BadFile) as error:
        restore(other, file, nothing)
    assert (error.value.file, error.value.line) == (str(file), number)
    assert other.log.head().next_position == number - 1
    file.write_bytes(sound)
    assert restore(other, file, nothing) == ledger.log.head().next_position
    assert other.log.head() == ledger.log.head()


@pytest.mark.parametrize("fault", [rehashed, other_version])
def test_the_position_is_told_when_it_stands_in_the_middle_of_a_batch(
    ledger: Ledger, other: Ledger, file: Path, fault: Callable[[list[bytes]], int]
) -> None:
    lines = file.read_bytes().splitlines(keepends=True)
    number = fault(lines)
    file.write_bytes(b"".join(lines))
    with pytest.raises(BadFile) as error:
        restore(other, file, nothing)
    assert f"position {number - 1} " in error.value.reason
    assert other.log.head().next_position == 0
    assert ledger.log.head().next_position > number


def test_a_ledger_that_holds_records_is_left_alone(ledger: Ledger, file: Path, other: Ledger) -> None:
    head = ledger.log.head()
    with pytest.raises(NotEmpty):
        restore(ledger, file, nothing)
    assert ledger.log.head() == head
    record(other, line("register_unit", "unit/X", 1, unit="X", name="x"))
    with pytest.raises(NotEmpty):
        restore(other, file, nothing)
    assert other.log.head().next_position == 1


def test_an_interrupted_restore_goes_on_and_only_with_the_same_file(
    ledger: Ledger, other: Ledger, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refill, "BATCH", 7)
    size = ledger.log.head().next_position
    lines = file.read_bytes().splitlines(keepends=True)

    class EnoughError(Exception):
        """The user has had enough."""

    def impatient(done: int, total: int) -> None:
        if done > total / 2:
            raise EnoughError

    with pytest.raises(EnoughError):
        restore(other, file, impatient)
    half = other.log.head().next_position
    assert 0 < half < size
    foreign = written(tmp_path / "foreign.ndjson", lines[0].strip().replace(b"AUTH", b"AUTO"))
    with pytest.raises(BadFile):
        restore(other, foreign, nothing)
    shorter = tmp_path / "shorter.ndjson"
    shorter.write_bytes(b"".join(lines[: half - 1]))
    with pytest.raises(NotEmpty):
        restore(other, shorter, nothing)
    assert restore(other, file, nothing) == size
    assert other.log.entries(0, size) == ledger.log.entries(0, size)
    assert restore(other, file, nothing) == size, "once more changes nothing"


def test_the_first_append_ends_a_restore(ledger: Ledger, other: Ledger, file: Path, tmp_path: Path) -> None:
    part = tmp_path / "part.ndjson"
    part.write_bytes(b"".join(file.read_bytes().splitlines(keepends=True)[:20]))
    restore(other, part, nothing)
    record(other, line("rename_unit", "unit/U1", 20, name="meanwhile"))
    with pytest.raises(NotEmpty):
        restore(other, file, nothing)
    assert other.log.head().next_position == 21 < ledger.log.head().next_position


RESTORER = """
import sys
from pathlib import Path
from ledger.services import export, refill
from ledger.services.ledger import Ledger
from ledger.settings import Settings

refill.BATCH = 1
with Ledger(Settings(database_url=sys.argv[1])) as ledger:
    print("begins", flush=True)
    export.restore(ledger, Path(sys.argv[2]), lambda *_: None)
"""


def test_a_killed_restore_goes_on(ledger: Ledger, new_database: NewDatabase, file: Path) -> None:
    size = ledger.log.head().next_position
    with new_database() as database, opened(database) as other:
        assert killed(RESTORER, database.app, str(file), after=lambda: other.log.head().next_position > 20)
        assert other.log.head().next_position < size
        assert restore(other, file, nothing) == size
        assert other.log.entries(0, size) == ledger.log.entries(0, size)
        assert other.log.head() == ledger.log.head()


def test_an_export_appears_when_it_is_whole(ledger: Ledger, tmp_path: Path) -> None:
    path = tmp_path / "log.ndjson"

    def broken(_: int, __: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        export(ledger.log, path, broken)
    assert not path.exists()
    with pytest.raises(BadFile):
        export(ledger.log, tmp_path / "no" / "such" / "folder.ndjson", nothing)
    assert export(ledger.log, path, nothing) == len(path.read_bytes().splitlines())


def test_a_file_that_is_not_there_is_said_to_be_so(other: Ledger, tmp_path: Path) -> None:
    with pytest.raises(BadFile, match="No such file"):
        restore(other, tmp_path / "missing.ndjson", nothing)


def test_the_export_of_a_ledger_that_is_written_to_is_a_prefix(ledger: Ledger, tmp_path: Path) -> None:
    size = ledger.log.head().next_position

    def meanwhile(_: int, __: int) -> None:
        record(ledger, line("rename_unit", "unit/U2", 20, name="meanwhile"))

    assert export(ledger.log, tmp_path / "log.ndjson", meanwhile) == size
    assert len((tmp_path / "log.ndjson").read_bytes().splitlines()) == size < ledger.log.head().next_position
