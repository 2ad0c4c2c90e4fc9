"""The texts of an archive: up to a classification, gone when they are erased, and each held to its entry."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.conftest import Database
from tests.integrity.ledgers import seal, signing, superuser, verifier
from tests.integrity.test_archive import files, quiet, verify
from tests.merkle.reference import flip
from tests.support.databases import NewDatabase
from tests.support.ledgers import beginnings, line, record
from tests.support.texts import erase_name

from ledger.errors import BadFile, BadQuery, ErasedMeanwhile, IntegrityError
from ledger.services import export as ndjson
from ledger.services import sealing, verification
from ledger.services.archive import export as exports
from ledger.services.archive import restoring
from ledger.services.archive import verification as archives
from ledger.services.archive.layout import ArchiveError
from ledger.services.exported_texts import ALL
from ledger.services.ledger import Ledger
from ledger.services.task_views import task_state
from ledger.store.entry_texts import CLASSIFICATIONS


@pytest.fixture
def ledger(database: Database, tmp_path: Path) -> Iterator[Ledger]:
    """A task of each classification, with an officer and a report each, the latter in another bundle."""
    with signing(database, tmp_path) as opened:
        tasks = [
            line(
                "assign_task", each, 1, title=f"{each} work", lead="U1", officer=f"Officer {each}", classification=each
            )
            for each in CLASSIFICATIONS
        ]
        reports = [
            line("report_progress", each, 2, unit="U1", percent=1, narrative=f"{each} news of Trần")
            for each in CLASSIFICATIONS
        ]
        record(opened, *beginnings(), line("rename_unit", "unit/U2", 1, name="Two", reason="inner reasons"), *tasks)
        wait(opened, 300)
        record(opened, *reports)
        yield opened


def wait(ledger: Ledger, events: int) -> None:
    """So many events without texts are recorded."""
    record(ledger, *(line("rename_unit", "unit/U3", 1, name=f"Three {number}") for number in range(events)))


def export(ledger: Ledger, folder: Path, highest: str) -> exports.Exported:
    return exports.export(ledger, folder, sealing.current(ledger), highest, quiet)


def words(folder: Path) -> bytes:
    return b"".join(content for name, content in files(folder).items() if name.startswith("texts/"))


def erase(ledger: Ledger, name: str) -> None:
    assert erase_name(ledger, name).events


@pytest.mark.parametrize("highest", CLASSIFICATIONS)
def test_what_is_classified_higher_is_left_out_and_every_leaf_stays_provable(
    ledger: Ledger, tmp_path: Path, highest: str
) -> None:
    export(ledger, tmp_path / "a", highest)
    rank = CLASSIFICATIONS.index(highest)  # type: ignore[arg-type]  # one of them
    held = words(tmp_path / "a")
    for number, each in enumerate(CLASSIFICATIONS):
        for text in (f"{each} work", f"Officer {each}", f"{each} news"):
            assert (f'"{text}'.encode() in held) == (number <= rank), text
    assert (b"inner reasons" in held) == (rank >= CLASSIFICATIONS.index("internal"))
    everything = b"".join(files(tmp_path / "a").values())
    assert all(f"Officer {each}".encode() not in everything for each in CLASSIFICATIONS[rank + 1 :])
    verified = verify(ledger, tmp_path / "a")
    assert verified.highest == highest
    assert verified.newest == sealing.current(ledger).checkpoint
    assert verified.texts == 3 * (rank + 1) + (rank > 0)
    assert (verified.erased, verified.withheld) == (0, 16 - verified.texts)


def test_only_what_anyone_may_read_is_exported_unless_more_is_asked_for() -> None:
    assert exports.DEFAULT_CLASS == "public"


def test_a_folder_keeps_its_classification(ledger: Ledger, tmp_path: Path) -> None:
    export(ledger, tmp_path / "a", "public")
    before = files(tmp_path / "a")
    with pytest.raises(BadFile, match="up to the class public, and not secret"):
        export(ledger, tmp_path / "a", "secret")
    with pytest.raises(BadQuery, match="not one of public"):
        export(ledger, tmp_path / "b", "private")
    assert files(tmp_path / "a") == before


def test_what_is_erased_is_gone_from_the_next_export(ledger: Ledger, tmp_path: Path) -> None:
    for name in ("steps", "late"):
        export(ledger, tmp_path / name, ALL)
        assert b"Officer secret" in words(tmp_path / name)
    erase(ledger, "Officer secret")
    export(ledger, tmp_path / "steps", ALL)
    assert b"Officer secret" not in words(tmp_path / "steps")
    wait(ledger, 500)
    erase(ledger, "Trần")
    for name in ("steps", "late", "once"):
        export(ledger, tmp_path / name, ALL)
        assert b"news" not in words(tmp_path / name)
    verify(ledger, tmp_path / "once")
    # The late one has not seen the checkpoint in between being published as a folder; the files are the same.
    assert files(tmp_path / "steps") == files(tmp_path / "late") == files(tmp_path / "once")


def test_workers_find_the_same_of_texts(ledger: Ledger, tmp_path: Path) -> None:
    erase(ledger, "Officer public")
    export(ledger, tmp_path / "a", "confidential")
    trusted = [verifier(ledger)]
    assert archives.verify(tmp_path / "a", trusted, quiet, workers=2) == verify(ledger, tmp_path / "a")
    path = tmp_path / "a" / "texts" / "001"
    path.write_bytes(path.read_bytes().replace(b"news", b"hues"))
    with pytest.raises(ArchiveError) as caught:
        archives.verify(tmp_path / "a", trusted, quiet, workers=2)
    error = missed(ledger, tmp_path / "a")
    assert (caught.value.file, caught.value.position, caught.value.reason) == (error.file, error.position, error.reason)


def test_a_file_whose_texts_are_all_erased_goes(ledger: Ledger, tmp_path: Path) -> None:
    export(ledger, tmp_path / "a", "public")
    assert "texts/001" in files(tmp_path / "a")
    erase(ledger, "news")
    export(ledger, tmp_path / "a", "public")
    assert "texts/001" not in files(tmp_path / "a")
    verify(ledger, tmp_path / "a")


def test_texts_erased_after_the_checkpoint_make_it_start_again(ledger: Ledger, tmp_path: Path) -> None:
    sealed = seal(ledger)
    erase(ledger, "Officer secret")
    with pytest.raises(ErasedMeanwhile):
        exports.export(ledger, tmp_path / "a", sealed, ALL, quiet)
    assert not (tmp_path / "a" / "checkpoint").exists()
    export(ledger, tmp_path / "a", ALL)
    verify(ledger, tmp_path / "a")


def test_a_text_that_is_not_what_was_recorded_is_not_exported(
    ledger: Ledger, database: Database, tmp_path: Path
) -> None:
    with superuser(database) as owner:
        owner.execute("""UPDATE ledger.text SET openings = jsonb_set(openings, '{data.title,1}', '"x"')
                         WHERE position = 8""")
    with pytest.raises(IntegrityError, match=r"TEXT_ALTERED: data\.title of the event at position 8 "):
        export(ledger, tmp_path / "a", ALL)
    with pytest.raises(IntegrityError, match="TEXT_ALTERED"):
        ndjson.export(ledger.log, tmp_path / "log.ndjson", quiet)
    assert not (tmp_path / "log.ndjson").exists()


def test_any_changed_byte_of_the_texts_is_found(ledger: Ledger, tmp_path: Path) -> None:
    export(ledger, tmp_path / "a", ALL)
    chance = random.Random(9)
    for name in ("texts/000", "texts/001", "texts/highest-class"):
        path = tmp_path / "a" / name
        held = path.read_bytes()
        changed = [flip(held, chance.randrange(8 * len(held))) for _ in range(60)]
        # As base 64 these salts are longer by a byte, which is zero.
        changed += [held.replace(b'=="', b'A="', 1)] if b'=="' in held else []
        for each in changed:
            path.write_bytes(each)
            with pytest.raises(ArchiveError) as caught:
                verify(ledger, tmp_path / "a")
            assert caught.value.file == name
        path.write_bytes(held)
    verify(ledger, tmp_path / "a")


def missed(ledger: Ledger, folder: Path) -> ArchiveError:
    with pytest.raises(ArchiveError) as caught:
        verify(ledger, folder)
    return caught.value


@pytest.mark.parametrize("highest", CLASSIFICATIONS)
def test_a_text_that_is_not_there_is_missed(ledger: Ledger, tmp_path: Path, highest: str) -> None:
    export(ledger, tmp_path / "a", highest)
    for name in ("texts/000", "texts/001"):
        path = tmp_path / "a" / name
        held = path.read_bytes()
        lines = held.splitlines(keepends=True)
        for number, left_out in enumerate(lines):
            path.write_bytes(b"".join(lines[:number] + lines[number + 1 :]))
            said = json.loads(left_out)
            error = missed(ledger, tmp_path / "a")
            assert (error.file, error.position) == (name, said["position"])
            assert error.reason.split(":")[0] in said["texts"]
        path.unlink()
        assert missed(ledger, tmp_path / "a").position == json.loads(lines[0])["position"]
        path.write_bytes(held)
    shutil.rmtree(tmp_path / "a" / "texts")
    assert missed(ledger, tmp_path / "a").file == "texts/highest-class"


def test_an_archive_that_claims_another_class_is_refused(ledger: Ledger, tmp_path: Path) -> None:
    """A higher one lacks texts, and a lower one has texts that it should not."""
    for held in CLASSIFICATIONS:
        export(ledger, tmp_path / held, held)
        claim = tmp_path / held / "texts" / "highest-class"
        for claimed in CLASSIFICATIONS:
            claim.write_text(f"{claimed}\n")
            if claimed == held:
                verify(ledger, tmp_path / held)
                continue
            error = missed(ledger, tmp_path / held)
            higher = CLASSIFICATIONS.index(claimed) > CLASSIFICATIONS.index(held)
            assert ("there is no text" if higher else "classified higher") in error.reason
            assert (error.file, error.position is None) == ("texts/000", False)


def test_what_was_erased_is_not_missed_and_may_not_be_put_back(ledger: Ledger, tmp_path: Path) -> None:
    export(ledger, tmp_path / "a", "internal")
    held = (tmp_path / "a" / "texts" / "000").read_bytes()
    erase(ledger, "Officer public")
    export(ledger, tmp_path / "a", "internal")
    verified = verify(ledger, tmp_path / "a")
    assert (verified.texts, verified.erased, verified.withheld) == (6, 1, 9)
    (tmp_path / "a" / "texts" / "000").write_bytes(held)
    error = missed(ledger, tmp_path / "a")
    assert error.file == "texts/000"
    assert error.reason.startswith("data.officer: it is there, and was erased at position ")


@pytest.mark.parametrize("name", ["texts/note.txt", "texts/1", "texts/x000/note"])
def test_nothing_else_lies_among_the_texts(ledger: Ledger, tmp_path: Path, name: str) -> None:
    export(ledger, tmp_path / "a", "public")
    (tmp_path / "a" / name).parent.mkdir(exist_ok=True)
    (tmp_path / "a" / name).write_bytes(b"Officer secret\n")
    with pytest.raises(ArchiveError, match=name):
        verify(ledger, tmp_path / "a")


def test_a_restored_ledger_says_what_was_withheld(ledger: Ledger, new_database: NewDatabase, tmp_path: Path) -> None:
    erase(ledger, "Officer public")
    export(ledger, tmp_path / "a", "internal")
    with new_database() as database, signing(database, tmp_path) as other:
        restoring.restore(other, tmp_path / "a", [verifier(ledger)], quiet)
        size = ledger.log.head().next_position
        assert other.log.entries(0, size) == ledger.log.entries(0, size)
        shown = {each: task_state(other.queries(), each, None, None) for each in CLASSIFICATIONS}
        assert [each["title"] for each in shown.values()] == ["public work", "internal work", *["withheld"] * 3]
        assert [each["officer"] for each in shown.values()] == ["erased", "Officer internal", *["withheld"] * 3]
        found = verification.verify(other, None, lambda *_: None, deep=True)
        assert (found.findings, found.texts, found.erased) == ((), 6, 1)
        assert (found.withheld, found.withheld_above) == (9, "internal")
        # It exports what it has, and does not claim more.
        export(other, tmp_path / "b", "internal")
        assert files(tmp_path / "b") == files(tmp_path / "a")
        assert verify(other, tmp_path / "b").withheld == 9
        export(other, tmp_path / "d", "public")
        assert (verify(other, tmp_path / "d").texts, verify(other, tmp_path / "d").withheld) == (2, 13)
        with pytest.raises(BadQuery, match="without texts above internal"):
            export(other, tmp_path / "c", "secret")
        # What is recorded from now on is all there, and missed when it is taken away.
        record(other, line("report_progress", "secret", 3, unit="U1", percent=2, narrative="new"))
        assert verification.verify(other, None, lambda *_: None).findings == ()
        with superuser(database) as owner:
            owner.execute("DELETE FROM ledger.text WHERE position = %s", (size,))
        assert [each.name for each in verification.verify(other, None, lambda *_: None).findings] == ["TEXT_MISSING"]


def test_an_export_as_one_file_can_leave_texts_out_too_and_is_restored_equal(
    ledger: Ledger, new_database: NewDatabase, tmp_path: Path
) -> None:
    path = tmp_path / "log.ndjson"
    ndjson.export(ledger.log, path, quiet, "internal")
    assert b"Officer internal" in path.read_bytes()
    assert b"Officer confidential" not in path.read_bytes()
    with new_database() as database, signing(database, tmp_path) as other:
        ndjson.restore(other, path, quiet)
        found = verification.verify(other, None, lambda *_: None)
        assert (found.findings, found.withheld, found.withheld_above) == ((), 9, "internal")
        ndjson.export(other.log, tmp_path / "again.ndjson", quiet)
        assert (tmp_path / "again.ndjson").read_bytes() == path.read_bytes()
        with pytest.raises(BadQuery):
            ndjson.export(other.log, tmp_path / "more.ndjson", quiet, "secret")


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        (b'"public work"]', b'"other work"]', "data.title"),
        (b'"texts":{', b'"texts":{"data.lead":["AAAA","x"],', "data.lead"),
        (b'"withheld":"internal"', b'"withheld":"private"', "withheld"),
        (b'"texts":{"', b'"texts":{', "texts"),
    ],
)
def test_a_line_with_other_texts_is_refused(
    ledger: Ledger, new_database: NewDatabase, tmp_path: Path, old: bytes, new: bytes, reason: str
) -> None:
    path = tmp_path / "log.ndjson"
    ndjson.export(ledger.log, path, quiet, "internal")
    content = path.read_bytes()
    assert old in content
    path.write_bytes(content.replace(old, new, 1))
    with new_database() as database, signing(database, tmp_path) as other:
        with pytest.raises(BadFile, match=reason) as caught:
            ndjson.restore(other, path, quiet)
        assert caught.value.line == content[: content.index(old)].count(b"\n") + 1
