"""What a superuser of the database can do to the log, and the name under which `ledger verify` finds it.

Every attack begins by disabling the triggers; `superuser` does.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from psycopg import Connection, sql
from tests.conftest import Database
from tests.integrity.ledgers import fill, seal, signing, superuser
from tests.support.ledgers import beginnings, line, record
from tests.support.texts import erase_name

from ledger.merkle.hashing import leaf_hash
from ledger.merkle.tiles import tile_root
from ledger.services import keys, sealing, verification
from ledger.services.ledger import Ledger
from ledger.services.refill import BATCH
from ledger.services.verification import Verification
from ledger.store.entry import entry_bytes

Owner = Connection[tuple[object, ...]]
SIZE = 700
SIGNED = (100, 300, 600)
"""The sizes at which checkpoints were signed; the last hundred records are not under a signature yet."""


@pytest.fixture
def ledger(database: Database, tmp_path: Path) -> Iterator[Ledger]:
    with signing(database, tmp_path) as opened:
        start = 0
        for size in SIGNED:
            fill(opened, size - start, start=start)
            start = size
            seal(opened)
        fill(opened, SIZE - start, start=start)
        yield opened


@pytest.fixture
def owner(ledger: Ledger, database: Database) -> Iterator[Owner]:
    assert verify(ledger).findings == ()
    with superuser(database) as connection:
        yield connection


def verify(ledger: Ledger, *, deep: bool = False) -> Verification:
    return verification.verify(ledger, None, lambda _what, _done, _total: None, deep=deep)


def found(ledger: Ledger) -> dict[str, int | None]:
    """The findings by name, the first first, with their positions."""
    return {finding.name: finding.position for finding in verify(ledger).findings}


FORGE = """
    UPDATE ledger.log SET type = 'fake.event',
        entry = decode(replace(encode(entry, 'escape'), 'test.event', 'fake.event'), 'escape')
    WHERE position = %s
"""
"""Make a record another one, with columns and entry in step."""


def recompute_tile(owner: Owner, index: int) -> None:
    """Make the stored tile, and the root by which it stands in the level above, fit the entries again."""
    rows = owner.execute(
        "SELECT entry FROM ledger.log WHERE position >= %s AND position < %s ORDER BY position",
        (256 * index, 256 * index + 256),
    ).fetchall()
    hashes = b"".join(leaf_hash(bytes(entry)) for (entry,) in rows)  # type: ignore[arg-type]  # bytea
    owner.execute(
        "UPDATE ledger.tile SET hashes = %s, root = %s WHERE level = 0 AND index = %s",
        (hashes, tile_root(hashes), index),
    )


def test_a_sound_ledger_is_sound(ledger: Ledger) -> None:
    sound = verify(ledger, deep=True)
    assert (sound.findings, sound.entries, sound.checkpoints, sound.last_signed) == ((), SIZE, 3, 600)
    assert sound.signatures
    assert sound.read_models == len(ledger.projections)


@pytest.mark.parametrize("position", [0, 42, 255, 256, 450])
def test_an_edited_entry(ledger: Ledger, owner: Owner, position: int) -> None:
    owner.execute(FORGE, (position,))
    assert found(ledger) == {"ALTERED": position}


@pytest.mark.parametrize("position", [0, 42, 255, 256, 450, 550])
def test_an_edited_entry_with_its_tile_recomputed(ledger: Ledger, owner: Owner, position: int) -> None:
    owner.execute(FORGE, (position,))
    if position < 512:
        recompute_tile(owner, position // 256)
    # What was signed last before it is sound: so the first wrong entry is at that size or after it.
    assert found(ledger) == {"FORK": max(size for size in (0, *SIGNED) if size <= position)}
    until = min(size for size in SIGNED if size > position) - 1
    assert f"at one up to {until} is not the one that was signed" in verify(ledger).findings[0].what


def test_an_edit_that_the_columns_contradict(ledger: Ledger, owner: Owner) -> None:
    owner.execute(
        "UPDATE ledger.log SET entry = decode(replace(encode(entry, 'escape'), 'test', 'fake'), 'escape') "
        "WHERE position = 650"
    )
    assert found(ledger) == {"COLUMN": 650}


def test_an_edit_before_the_first_signature_cannot_be_found(ledger: Ledger, owner: Owner) -> None:
    owner.execute(FORGE, (650,))
    assert found(ledger) == {}


@pytest.mark.parametrize(
    ("column", "value"),
    [("stream", "'x'"), ("version", "1000000"), ("type", "'x'"), ("recorded_at", "recorded_at + 1000000")],
)
def test_a_column_that_is_not_what_the_entry_says(ledger: Ledger, owner: Owner, column: str, value: str) -> None:
    owner.execute(f"UPDATE ledger.log SET {column} = {value} WHERE position = 650")
    names = found(ledger)
    assert names["COLUMN"] == 650 == next(iter(names.values()))


@pytest.mark.parametrize("position", [0, 42, 256, 650])
def test_a_record_deleted_in_the_middle(ledger: Ledger, owner: Owner, position: int) -> None:
    owner.execute("DELETE FROM ledger.log WHERE position = %s", (position,))
    assert found(ledger) == {"MISSING": position}


def test_a_record_deleted_and_the_gap_closed(ledger: Ledger, owner: Owner) -> None:
    owner.execute("DELETE FROM ledger.log WHERE position = 42")
    owner.execute("ALTER TABLE ledger.log DROP CONSTRAINT log_pkey, DROP CONSTRAINT log_stream_version_key")
    owner.execute("UPDATE ledger.log SET position = position - 1, version = version - 1 WHERE position > 42")
    owner.execute(
        "UPDATE ledger.head SET next_position = next_position - 1; UPDATE ledger.stream SET version = version - 1"
    )
    names = found(ledger)
    assert names["ALTERED"] == names["COLUMN"] == 42


@pytest.mark.parametrize("size", [699, 650, 600, 599, 512, 300, 1, 0])
def test_the_tail_cut_off(ledger: Ledger, owner: Owner, size: int) -> None:
    owner.execute("DELETE FROM ledger.log WHERE position >= %s", (size,))
    assert found(ledger) == {"MISSING": size} | ({"ROLLBACK": size} if size < 600 else {}) | {"STREAM_HEAD": None}


@pytest.mark.parametrize("size", [599, 512, 511, 300, 1, 0])
def test_the_tail_cut_off_and_all_traces_in_the_database_removed(ledger: Ledger, owner: Owner, size: int) -> None:
    owner.execute("DELETE FROM ledger.log WHERE position >= %s", (size,))
    owner.execute("DELETE FROM ledger.checkpoint WHERE size > %s", (size,))
    owner.execute("DELETE FROM ledger.tile WHERE level > 0 OR index >= %s", (size // 256,))
    owner.execute("DELETE FROM ledger.stream WHERE %s = 0", (size,))
    owner.execute("UPDATE ledger.stream SET version = %s", (size,))
    owner.execute(
        "UPDATE ledger.head SET next_position = %s, "
        "recorded_at = coalesce((SELECT max(recorded_at) FROM ledger.log), 0)",
        (size,),
    )
    # What remains is the signer's memory, outside the database.
    assert found(ledger) == {"ROLLBACK": size}


def test_a_tail_cut_off_before_it_was_signed_cannot_be_found(ledger: Ledger, owner: Owner) -> None:
    owner.execute("DELETE FROM ledger.log WHERE position >= 650; UPDATE ledger.stream SET version = 650")
    owner.execute("UPDATE ledger.head SET next_position = 650, recorded_at = (SELECT max(recorded_at) FROM ledger.log)")
    assert found(ledger) == {}


def test_two_records_swapped(ledger: Ledger, owner: Owner) -> None:
    owner.execute("UPDATE ledger.log SET position = -1 WHERE position = 40")
    owner.execute("UPDATE ledger.log SET position = 40 WHERE position = 45")
    owner.execute("UPDATE ledger.log SET position = 45 WHERE position = -1")
    names = found(ledger)
    assert (names["ALTERED"], names["VERSION"], names["ORDER"]) == (40, 40, 41)


def test_the_entries_of_two_records_swapped(ledger: Ledger, owner: Owner) -> None:
    owner.execute(
        "UPDATE ledger.log AS l SET entry = o.entry FROM ledger.log AS o "
        "WHERE (l.position, o.position) IN ((650, 660), (660, 650))"
    )
    names = found(ledger)
    assert names["COLUMN"] == 650


def test_a_record_put_in_with_an_old_time(ledger: Ledger, owner: Owner) -> None:
    row = owner.execute("SELECT min(recorded_at) - 5 FROM ledger.log").fetchone()
    assert row is not None
    old = int(str(row[0]))
    entry = entry_bytes(b'{"stream":"forged","type":"test.event","version":1}', old)
    owner.execute("INSERT INTO ledger.log VALUES (%s, %s, 1, 'forged', 'test.event', %s)", (SIZE, old, entry))
    assert found(ledger) == {"HEAD": SIZE, "ORDER": SIZE, "STREAM_HEAD": None}
    owner.execute("UPDATE ledger.head SET next_position = %s", (SIZE + 1,))
    owner.execute("INSERT INTO ledger.stream VALUES ('forged', 1)")
    assert found(ledger) == {"ORDER": SIZE}


def test_a_record_put_in_between(ledger: Ledger, owner: Owner) -> None:
    owner.execute("ALTER TABLE ledger.log DROP CONSTRAINT log_pkey")
    owner.execute(
        "INSERT INTO ledger.log SELECT 41, recorded_at - 700, 1, 'forged', type, entry FROM ledger.log "
        "WHERE position = 0"
    )
    names = found(ledger)
    assert names["DUPLICATE"] == 41


def test_a_record_with_a_version_out_of_turn(ledger: Ledger, owner: Owner) -> None:
    owner.execute(
        "UPDATE ledger.log SET version = 900, entry = decode(replace(encode(entry, 'escape'), '\"version\":651', "
        "'\"version\":900'), 'escape') WHERE position = 650"
    )
    assert found(ledger)["VERSION"] == 650


def test_an_old_backup_put_back_and_gone_on_with(ledger: Ledger, owner: Owner) -> None:
    for table in ("log", "head", "stream", "tile", "checkpoint"):
        owner.execute(sql.SQL("CREATE TABLE backup_{} AS TABLE ledger.{}").format(sql.SQL(table), sql.SQL(table)))
    fill(ledger, 200, start=SIZE)
    seal(ledger)
    owner.execute("TRUNCATE ledger.log, ledger.head, ledger.stream, ledger.tile, ledger.checkpoint, ledger.cosignature")
    for table in ("log", "head", "stream", "tile", "checkpoint"):
        owner.execute(sql.SQL("INSERT INTO ledger.{} SELECT * FROM backup_{}").format(sql.SQL(table), sql.SQL(table)))
    assert found(ledger) == {"ROLLBACK": SIZE}
    fill(ledger, 300, start=SIZE)
    # 600 were signed before the backup, so what differs is at 600 or after it.
    assert found(ledger) == {"FORK": 600}


def test_the_head_moved(ledger: Ledger, owner: Owner) -> None:
    owner.execute("UPDATE ledger.head SET recorded_at = recorded_at + 5")
    assert found(ledger) == {"HEAD": SIZE - 1}
    owner.execute("DELETE FROM ledger.head")
    assert found(ledger) == {"HEAD": None}


def test_a_stream_said_to_stand_elsewhere(ledger: Ledger, owner: Owner) -> None:
    owner.execute("UPDATE ledger.stream SET version = version - 1")
    assert found(ledger) == {"STREAM_HEAD": None}


def test_a_stored_tile_changed(ledger: Ledger, owner: Owner) -> None:
    owner.execute("UPDATE ledger.tile SET hashes = set_byte(hashes, 32 * 17, 0) WHERE level = 0 AND index = 1")
    assert found(ledger) == {"TILE": 256 + 17}
    recompute_tile(owner, 1)
    owner.execute("UPDATE ledger.tile SET root = set_byte(root, 3, 0) WHERE level = 0 AND index = 1")
    assert found(ledger) == {"TILE": 256}


def test_a_checkpoint_forged_or_changed(ledger: Ledger, owner: Owner) -> None:
    owner.execute("UPDATE ledger.checkpoint SET note = set_byte(note, 30, 49) WHERE size = 300")
    assert found(ledger) == {"SIGNATURE": None}


def test_the_memory_of_the_signer_changed(ledger: Ledger) -> None:
    path = sealing.memory(ledger.settings).path
    path.write_bytes(path.read_bytes().replace(b"\n600\n", b"\n500\n"))
    assert found(ledger) == {"SIGNATURE": None}


def test_an_entry_that_cannot_be_read(ledger: Ledger, owner: Owner) -> None:
    owner.execute("UPDATE ledger.log SET entry = '{}' WHERE position = 650")
    assert found(ledger) == {"UNREADABLE": 650}


def test_without_a_key_the_roots_count_still(ledger: Ledger, owner: Owner) -> None:
    keys.key_file(ledger.settings).unlink()
    assert not verify(ledger).signatures
    owner.execute("UPDATE ledger.log SET entry = entry || ' ' WHERE position = 550")
    assert found(ledger)["FORK"] == 300


def test_more_records_than_a_batch(database: Database, tmp_path: Path) -> None:
    with signing(database, tmp_path) as ledger:
        fill(ledger, 5_119)
        seal(ledger)
        fill(ledger, 2 * BATCH + 5_121, start=5_119)
        seal(ledger)
        assert verify(ledger).findings == ()
        with superuser(database) as owner:
            owner.execute("DELETE FROM ledger.log WHERE position = 5120")
        assert found(ledger) == {"MISSING": 5_120}


# ── texts ────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def worded(ledger: Ledger) -> Ledger:
    """With texts: the units and plan at 700 to 706, at 707 a task, at 708 and 709 its reports, at 710 an erasure."""
    record(
        ledger,
        *beginnings(),
        line("assign_task", "T1", 1, title="Land register", lead="U1", officer="Trần Thị B"),
        line("report_progress", "T1", 2, unit="U1", percent=1, narrative="as planned", next_steps="go on"),
        line("report_progress", "T1", 3, unit="U1", percent=2, narrative="late"),
    )
    erase_name(ledger, "Trần Thị B")
    return ledger


def test_texts_that_are_as_recorded_or_erased_are_sound(worded: Ledger, database: Database) -> None:
    sound = verify(worded)
    assert sound.findings == ()
    assert (sound.texts, sound.erased, sound.withheld, sound.withheld_above) == (4, 1, 0, None)
    with superuser(database) as owner:
        assert owner.execute("SELECT array_agg(position ORDER BY position) FROM ledger.text").fetchone() == (
            [SIZE + 7, SIZE + 8, SIZE + 9],
        )


def text_findings(ledger: Ledger) -> list[tuple[str, int | None, str]]:
    return [(each.name, each.position, each.what.partition(":")[0].split()[0]) for each in verify(ledger).findings]


SWAP = """
    UPDATE ledger.text SET openings = jsonb_build_object(
        'data.narrative', openings -> 'data.next_steps', 'data.next_steps', openings -> 'data.narrative')
    WHERE position = 708
"""


@pytest.mark.parametrize(
    ("attack", "name", "position", "field"),
    [
        # A value altered, a salt altered.
        (
            "UPDATE ledger.text SET openings = jsonb_set(openings, '{data.narrative,1}', '\"x\"') WHERE position = 708",
            "TEXT_ALTERED", 708, "data.narrative",
        ),
        (
            "UPDATE ledger.text SET openings = jsonb_set(openings, '{data.title,0}', '\"AAAA\"') WHERE position = 707",
            "TEXT_ALTERED", 707, "data.title",
        ),
        # The openings of two fields of an event swapped.
        (
            SWAP,
            "TEXT_ALTERED", 708, "data.narrative",
        ),
        # A value deleted, or a whole row, without an event; and one that no longer can be read.
        ("UPDATE ledger.text SET openings = openings - 'data.next_steps' WHERE position = 708",
         "TEXT_MISSING", 708, "data.next_steps"),
        ("UPDATE ledger.text SET openings = openings - 'data.title', erased = '{data.title}' WHERE position = 707",
         "TEXT_MISSING", 707, "data.title"),
        ("DELETE FROM ledger.text WHERE position = 709", "TEXT_MISSING", 709, "data.narrative"),
        ("UPDATE ledger.text SET openings = '[]' WHERE position = 709", "TEXT_MISSING", 709, "data.narrative"),
        # A text where the entry has none, and texts of no event.
        ("""UPDATE ledger.text SET openings = openings || '{"data.percent": ["AAAA", "5"]}' WHERE position = 709""",
         "TEXT_STRAY", 709, "data.percent"),
        ("UPDATE ledger.text SET position = 650 WHERE position = 709", "TEXT_STRAY", 709, "the"),
        ("INSERT INTO ledger.text (event, position, openings) VALUES (gen_random_uuid(), 650, '{}')",
         "TEXT_STRAY", 650, "there"),
    ],
)  # fmt: skip
def test_an_attacked_text(
    worded: Ledger, database: Database, attack: str, name: str, position: int, field: str
) -> None:
    with superuser(database) as owner:
        assert owner.execute(attack).rowcount == 1  # type: ignore[arg-type]  # a literal
    assert text_findings(worded) == [(name, position, field)]


@pytest.mark.parametrize("said", ["Trần Thị B", "Somebody Else"])
def test_a_text_put_back_after_its_erasure(worded: Ledger, database: Database, said: str) -> None:
    with superuser(database) as owner:
        owner.execute(
            "UPDATE ledger.text SET erased = '{}', openings = openings || "
            "jsonb_build_object('data.officer', jsonb_build_array('AAAAAAAAAAAAAAAAAAAAAA==', %s::text)) "
            "WHERE position = 707",
            (said,),
        )
    names = found(worded)
    assert names["TEXT_PUT_BACK"] == 707


def test_the_right_text_put_back_after_its_erasure(ledger: Ledger, database: Database) -> None:
    """With its salt, from an old backup: it opens the entry, and is found all the same."""
    record(ledger, *beginnings(), line("assign_task", "T1", 1, title="Land register", lead="U1"))
    with superuser(database) as owner:
        owner.execute("CREATE TABLE backup AS TABLE ledger.text")
        erase_name(ledger, "land")
        assert found(ledger) == {}
        owner.execute("DELETE FROM ledger.text; INSERT INTO ledger.text SELECT * FROM backup")
    assert found(ledger) == {"TEXT_PUT_BACK": 707}


def test_a_ledger_that_only_says_that_texts_were_withheld(worded: Ledger, database: Database) -> None:
    """It does not help for texts of tasks that anyone in the house may read, and `verify` says it aloud."""
    with superuser(database) as owner:
        owner.execute("DELETE FROM ledger.text WHERE position = 709")
        owner.execute("UPDATE ledger.head SET withheld_above = 'internal', withheld_before = 9999")
        assert found(worded) == {"TEXT_MISSING": 709}
        owner.execute("UPDATE ledger.head SET withheld_above = 'public'")
    assert (verify(worded).withheld, verify(worded).withheld_above) == (1, "public")


@pytest.mark.parametrize(
    ("table", "change"),
    [
        ("plan_state.standing", "DELETE FROM {} WHERE known_to IS NULL"),
        ("plan_state.progress", "UPDATE {} SET percent = percent + 1"),
        ("plan_state.situation", "UPDATE {} SET known_from = known_from - 1"),
        (
            "plan_state.progress",
            "INSERT INTO {0} SELECT task, day, version + 9, percent, reported_on, known_from, known_from + 1 FROM {0}",
        ),
        ("charges.charge", "UPDATE {} SET unit = 'U2'"),
        ("unit_tree.*", "UPDATE {} SET name = 'Another'"),
    ],
)
def test_an_edited_read_model(database: Database, tmp_path: Path, table: str, change: str) -> None:
    with signing(database, tmp_path) as ledger:
        record(
            ledger, *beginnings(), line("assign_task", "T1", 1, title="T", lead="U1", deadline={"date": "2025-03-10"})
        )
        for percent in (10, 20):
            record(ledger, line("report_progress", "T1", 2, unit="U1", percent=percent))
        ledger.keep_up(ledger.log.head().next_position)
        seal(ledger)
        assert verify(ledger, deep=True).findings == ()
        model, _, name = table.partition(".")
        with superuser(database) as owner:
            row = owner.execute(
                "SELECT schemaname, tablename FROM pg_tables WHERE schemaname LIKE %s AND (tablename = %s OR %s = '*')",
                (f"rm_{model}_v%", name, name),
            ).fetchone()
            assert row is not None
            changed = owner.execute(sql.SQL(change).format(sql.Identifier(*map(str, row))))  # type: ignore[arg-type]  # a literal
            assert changed.rowcount > 0
        assert verify(ledger).findings == ()
        (finding,) = verify(ledger, deep=True).findings
        assert finding.name == "READ_MODEL"
        assert finding.position is not None
        assert model in finding.what
