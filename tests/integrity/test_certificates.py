"""Certified reports: what verifies is exactly what follows from signed entries, and nothing else verifies."""

from __future__ import annotations

import random
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace
from tests.conftest import Database
from tests.integrity.ledgers import ORIGIN, seal, signing, verifier
from tests.support.databases import NewDatabase
from tests.support.effort import EFFORT
from tests.support.histories import random_lines
from tests.support.ledgers import beginnings, record, submit

from ledger.domain.times import utc_text
from ledger.errors import BadFile, NotFound
from ledger.merkle import checkpoints, cosignatures, notes, proof_files
from ledger.merkle.cosignatures import WitnessSigner
from ledger.merkle.note_keys import SignerKey, VerifierKey
from ledger.merkle.notes import Note
from ledger.reports import REPORTS
from ledger.reports.writers.json import write_json
from ledger.services import keys, proofs, rotation
from ledger.services.certificates import contents, verifying
from ledger.services.certificates.contents import CertificateError, Kind, Known, Statement
from ledger.services.certificates.making import certify
from ledger.services.ledger import Ledger
from ledger.services.reporting import ReportRequest, report
from ledger.services.vouching import Quorum

PARAMETERS = {"changes": {"since_on": "2025-03-10"}}
"""Of the reports' own."""


def quiet(_done: int, _all: int) -> None:
    """No progress is shown."""


@pytest.fixture(scope="module")
def ledger(new_database: NewDatabase, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ledger]:
    """A ledger with a random history and a key, for all tests of this module."""
    with new_database() as database, signing(database, tmp_path_factory.mktemp("certificates")) as made:
        record(made, *beginnings())
        for each in random_lines(random.Random(4), ("T1", "T2", "T3", "T4"), 160):
            submit(made, each)  # some are refused
        seal(made)
        yield made


def request(name: str, **more: str) -> ReportRequest:
    return ReportRequest(name, on="2025-03-20", parameters=PARAMETERS.get(name, {}), **more)  # type: ignore[arg-type]


def parts(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as file:
        return {name: file.read(name) for name in file.namelist()}


def rewritten(path: Path, held: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w") as file:
        for name, content in held.items():
            contents.put(file, name, content)
    return path


def restated(held: dict[str, bytes], change: Callable[[Statement], Statement]) -> dict[str, bytes]:
    """With another statement, and the cover that goes with it."""
    statement = change(contents.decode(held[contents.STATEMENT]))
    cover = contents.cover(statement, held[contents.CHECKPOINT].decode()).encode()
    return held | {contents.STATEMENT: contents.encode(statement), contents.COVER: cover}


@pytest.mark.parametrize("kind", ["complete", "excerpt"])
@pytest.mark.parametrize("name", REPORTS)
def test_every_report_can_be_certified(ledger: Ledger, tmp_path: Path, name: str, kind: Kind) -> None:
    file = tmp_path / "report.zip"
    for more in ({}, {"task": "T2"}, {"plan": "P1"}, {"unit": "U1"}):
        asked = request(name, **more)
        document, _ = certify(ledger, asked, file, kind, quiet)
        verified = verifying.verify(file, [verifier(ledger)], quiet)
        assert write_json(verified.document) == write_json(document) == write_json(report(ledger.queries(), asked))
        assert verified.checkpoint.size == ledger.log.head().next_position
        if kind == "complete":
            assert verified.entries == document.position
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize("kind", ["complete", "excerpt"])
def test_a_report_of_the_past_is_certified_as_it_was_known(ledger: Ledger, tmp_path: Path, kind: Kind) -> None:
    file = tmp_path / "report.zip"
    head = ledger.log.head().next_position
    for position in (1, 20, head // 2, head - 1, head):
        (last,) = ledger.log.records(position - 1, position)
        as_of = utc_text(last.recorded_at)
        document, _ = certify(ledger, replace(request("status"), as_of=as_of), file, kind, quiet)
        assert document.position == position
        assert verifying.verify(file, [verifier(ledger)], quiet).document.position == position


def test_the_same_question_gives_the_same_bytes(ledger: Ledger, tmp_path: Path) -> None:
    for name in ("one.zip", "other.zip"):
        certify(ledger, request("status"), tmp_path / name, "complete", quiet)
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "other.zip").read_bytes()


@pytest.mark.parametrize("kind", ["complete", "excerpt"])
def test_no_part_can_be_changed_left_out_or_added(ledger: Ledger, tmp_path: Path, kind: Kind) -> None:
    """But for the last entries of a stream, which an excerpt may lack: its cover says so."""
    file, chance = tmp_path / "report.zip", random.Random(7)
    asked = replace(request("slip", task="T1"), as_of=utc_text(ledger.log.records(60, 61)[0].recorded_at))
    certify(ledger, asked, file, kind, quiet)
    held, trusted = parts(file), [verifier(ledger)]
    proofs_held = [name for name in held if contents.proof_position(name) is not None]
    for name in [each for each in held if each not in proofs_held] + chance.sample(
        proofs_held, min(8, len(proofs_held))
    ):
        content = held[name]
        for _ in range(20 * EFFORT):
            place = chance.randrange(len(content))
            changed = content[:place] + bytes([content[place] ^ 1 << chance.randrange(8)]) + content[place + 1 :]
            with pytest.raises(CertificateError):
                verifying.verify(rewritten(tmp_path / "changed.zip", held | {name: changed}), trusted, quiet)
        without = {each: held[each] for each in held if each != name}
        if kind == "complete" or name not in proofs_held:
            with pytest.raises(CertificateError):
                verifying.verify(rewritten(tmp_path / "changed.zip", without), trusted, quiet)
    for stray in ("more.txt", "proofs/1.txt", "proofs/01.tlog-proof", "../up", "tile/entries/999"):
        with pytest.raises(CertificateError):
            verifying.verify(rewritten(tmp_path / "changed.zip", held | {stray: b""}), trusted, quiet)


def test_a_name_stands_for_one_file(ledger: Ledger, tmp_path: Path) -> None:
    file = tmp_path / "report.zip"
    certify(ledger, request("status"), file, "complete", quiet)
    held = parts(file)
    with zipfile.ZipFile(file, "a") as more, pytest.warns(UserWarning, match="Duplicate"):
        contents.put(more, contents.REPORT, held[contents.REPORT])
    with pytest.raises(CertificateError, match="2 times"):
        verifying.verify(file, [verifier(ledger)], quiet)


def test_another_log_s_key_is_not_taken(ledger: Ledger, tmp_path: Path) -> None:
    file = tmp_path / "report.zip"
    certify(ledger, request("status"), file, "complete", quiet)
    stranger = SignerKey(ORIGIN, bytes(32)).verifier
    with pytest.raises(CertificateError, match="checkpoint"):
        verifying.verify(file, [stranger], quiet)


def test_an_operator_cannot_leave_the_latest_records_out(ledger: Ledger, tmp_path: Path) -> None:
    """He has the key and all entries, and certifies what was known earlier as if it had been known at the time."""
    file, trusted = tmp_path / "report.zip", [verifier(ledger)]
    head = ledger.log.head().next_position
    early, late = (ledger.log.records(at - 1, at)[0].recorded_at for at in (head - 40, head - 1))
    certify(ledger, replace(request("status"), as_of=utc_text(early)), file, "complete", quiet)

    def as_if_late(statement: Statement) -> Statement:
        known = (Known(late, head - 40),)
        return replace(statement, as_of=utc_text(late), known=known)

    held = restated(parts(file), as_if_late)
    held[contents.REPORT] = held[contents.REPORT].replace(utc_text(early).encode(), utc_text(late).encode())
    with pytest.raises(CertificateError, match="no more than"):
        verifying.verify(rewritten(file, held), trusted, quiet)


def test_an_excerpt_with_a_record_missing_between_two_is_found(ledger: Ledger, tmp_path: Path) -> None:
    file = tmp_path / "report.zip"
    certify(ledger, request("slip", task="T1"), file, "excerpt", quiet)
    held = parts(file)
    of_task = ledger.log.stream_records({"task/T1": 0}, ledger.log.head().next_position)["task/T1"]
    del held[contents.proof_path(of_task[3].position)]
    with pytest.raises(CertificateError, match="4 is missing"):
        verifying.verify(rewritten(file, held), [verifier(ledger)], quiet)


def test_a_complete_certificate_takes_no_entries_from_elsewhere(ledger: Ledger, tmp_path: Path) -> None:
    file = tmp_path / "report.zip"
    document, _ = certify(ledger, request("status"), file, "complete", quiet)
    held = parts(file)
    path = contents.proof_path(document.position - 1)
    held[path] = bytes(proofs.inclusion_file(ledger, document.position - 1, seal(ledger)))
    with pytest.raises(CertificateError, match="no need"):
        verifying.verify(rewritten(file, held), [verifier(ledger)], quiet)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda s: replace(s, calendar="FR"), "not the figures"),
        (lambda s: replace(s, calendar="XX"), "no table"),
        (lambda s: replace(s, time_zone="Mars/Base"), "time zone"),
        (lambda s: replace(s, root="00" * 32), "does not cover"),
        (lambda s: replace(s, root="?"), "does not cover"),
        (lambda s: replace(s, position=s.position - 1), "does not cover"),
        (lambda s: replace(s, position=10**15), "does not cover"),
        (lambda s: replace(s, report="nothing"), "no report"),
        (lambda s: replace(s, on="2025-03-19"), "not the figures"),
        (lambda s: replace(s, known=()), "what was known"),
        (lambda s: replace(s, parameters={"all": "yes"}), "no such parameter"),
    ],
)
def test_another_statement_does_not_go_with_the_entries(
    ledger: Ledger, tmp_path: Path, change: Callable[[Statement], Statement], said: str
) -> None:
    file = tmp_path / "report.zip"
    certify(ledger, request("slip"), file, "complete", quiet)
    with pytest.raises(CertificateError, match=said):
        verifying.verify(rewritten(file, restated(parts(file), change)), [verifier(ledger)], quiet)


@pytest.mark.parametrize("content", [b"", b"no zip", b"PK\x05\x06" + bytes(18)])
def test_what_is_no_certificate_is_refused(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "report.zip"
    file.write_bytes(content)
    with pytest.raises((BadFile, CertificateError)):
        verifying.verify(file, None, quiet)


def test_a_part_that_swells_is_refused(ledger: Ledger, tmp_path: Path) -> None:
    file = tmp_path / "report.zip"
    certify(ledger, request("status"), file, "complete", quiet)
    held = parts(file) | {contents.STATEMENT: b" " * (contents.MAX_BYTES + 1)}
    with pytest.raises(CertificateError, match="larger than"):
        verifying.verify(rewritten(file, held), None, quiet)


def test_there_is_nothing_to_certify_before_the_first_record(ledger: Ledger, tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="nothing to certify"):
        certify(ledger, replace(request("status"), as_of="2001-01-01"), tmp_path / "c.zip", "complete", quiet)
    assert list(tmp_path.iterdir()) == []


def test_a_checkpoint_must_cover_the_report(database: Database, tmp_path: Path) -> None:
    """Where there is no key, what was signed last is taken: if it is about enough."""
    with signing(database, tmp_path) as ledger:
        record(ledger, *beginnings())
        seal(ledger)
        then = ledger.log.head().recorded_at
        record(ledger, *random_lines(random.Random(1), ("T1",), 1))
        key = keys.key_file(ledger.settings)
        key.rename(key.with_suffix(".away"))
        with pytest.raises(NotFound, match="checkpoint over"):
            certify(ledger, request("status"), tmp_path / "c.zip", "complete", quiet)
        asked = replace(request("status"), as_of=utc_text(then))
        assert certify(ledger, asked, tmp_path / "c.zip", "complete", quiet)[0].position


@pytest.fixture
def rotated(database: Database, tmp_path: Path) -> Iterator[tuple[Ledger, SignerKey, VerifierKey]]:
    """A ledger with records before and after its first key was followed by a second and retired; both keys."""
    with signing(database, tmp_path) as ledger:
        record(ledger, *beginnings())
        seal(ledger)
        first = keys.load(ledger.settings).newest
        second = rotation.rotate(ledger, 0).key
        rotation.retire(ledger)
        record(ledger, *random_lines(random.Random(1), ("T1",), 1))
        yield ledger, first, second


def resigned(held: dict[str, bytes], note: bytes) -> dict[str, bytes]:
    """With another note in place of the checkpoint, in every proof as well, and the cover that goes with it."""
    own = {contents.CHECKPOINT: note}
    own |= {
        name: content.replace(held[contents.CHECKPOINT], note)
        for name, content in held.items()
        if contents.proof_position(name) is not None
    }
    return restated(held | own, lambda statement: statement)


@pytest.mark.parametrize("kind", ["complete", "excerpt"])
def test_one_key_of_the_log_is_enough(
    rotated: tuple[Ledger, SignerKey, VerifierKey], tmp_path: Path, kind: Kind
) -> None:
    ledger, first, second = rotated
    file = tmp_path / "c.zip"
    certify(ledger, request("status"), file, kind, quiet)
    verified = verifying.verify(file, [first.verifier], quiet)
    signed = {each.vkey: each.checkpoints for each in verified.keys}
    assert signed == {first.verifier.vkey: 0, second.vkey: 1}
    assert verified.unsigned == ()
    verifying.verify(file, [second], quiet)
    # The old key, in wrong hands, signs on: whoever trusts it, or the new one, or both, is told.
    forged = bytes(checkpoints.sign(verified.checkpoint, first))
    forgery = rewritten(tmp_path / "forged.zip", resigned(parts(file), forged))
    for given in ([first.verifier], [second], [first.verifier, second]):
        with pytest.raises(CertificateError, match="retired at position") as caught:
            verifying.verify(forgery, given, quiet)
        assert caught.value.file == contents.CHECKPOINT
    verifying.verify(forgery, None, quiet)


@pytest.mark.parametrize("kind", ["complete", "excerpt"])
def test_keys_that_came_after_the_report_are_followed(
    rotated: tuple[Ledger, SignerKey, VerifierKey], tmp_path: Path, kind: Kind
) -> None:
    ledger, first, second = rotated
    file = tmp_path / "c.zip"
    before = ledger.log.records(0, 1)[0].recorded_at
    certify(ledger, replace(request("status"), as_of=utc_text(before)), file, kind, quiet)
    found = verifying.verify(file, [first.verifier], quiet)
    assert found.entries == 1
    assert [each.retired is None for each in found.keys] == [False, True]
    # A record of keys between two others is missed.
    held = parts(file)
    rotated_at = next(
        name
        for name, content in held.items()
        if contents.proof_position(name) is not None and b"log.key-rotated" in (proof_files.parse(content).extra or b"")
    )
    rewritten(file, {name: content for name, content in held.items() if name != rotated_at})
    with pytest.raises(CertificateError, match="log/keys has version 2 where 1 is missing"):
        verifying.verify(file, [second], quiet)


def test_witnesses_are_wanted_as_for_an_archive(ledger: Ledger, tmp_path: Path) -> None:
    file, own = tmp_path / "c.zip", [verifier(ledger)]
    certify(ledger, request("status"), file, "excerpt", quiet)
    witness = WitnessSigner("example.org/witness", b"w" * 32)
    quorum = Quorum((witness.verifier,), 1)
    with pytest.raises(CertificateError, match="1 wanted, 0 found"):
        verifying.verify(file, own, quiet, quorum)
    note = notes.parse(parts(file)[contents.CHECKPOINT])
    both = Note(note.text, (*note.signatures, cosignatures.cosign(note.text, witness, 1_700_000_000)))
    rewritten(file, resigned(parts(file), bytes(both)))
    (found,) = verifying.verify(file, own, quiet, quorum).witnesses
    assert (found.vkey, found.time) == (witness.verifier.vkey, "2023-11-14T22:13:20.000000Z")
