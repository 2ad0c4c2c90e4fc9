"""A ledger and its witnesses over HTTP: what they stand for is verified, kept, handed out and checked again."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx2
import pytest
import structlog
from fastapi.testclient import TestClient
from starlette.responses import PlainTextResponse, Response
from tests.conftest import Database
from tests.integrity.ledgers import ORIGIN, fill, seal, signing, superuser
from tests.support.databases import NewDatabase, new_database
from tests.support.ledgers import beginnings, line, record
from tests.witness.logs import KEY, note, request
from tests.witness.serving import NOW, a_liar, a_witness, setting

from ledger.api.app import create_app
from ledger.api.witness import create_witness_app
from ledger.errors import SettingsError, WitnessDisagrees, WitnessError
from ledger.merkle import add_checkpoint, checkpoints, cosignatures, notes, proof_files
from ledger.merkle.add_checkpoint import MAX_BYTES, AddCheckpoint
from ledger.merkle.cosignatures import WitnessSigner
from ledger.merkle.hashing import leaf_hash
from ledger.services import keys, proofs, rotation, sealing, verification
from ledger.services.archive import export as exports
from ledger.services.archive import restoring
from ledger.services.archive import verification as archives
from ledger.services.archive.layout import ArchiveError
from ledger.services.cosigning import asking, together
from ledger.services.cosigning.asking import Asking, client
from ledger.services.cosigning.configured import Witness, configured
from ledger.services.cosigning.thread import WitnessThread
from ledger.services.exported_texts import ALL
from ledger.services.ledger import Ledger
from ledger.services.vouching import Quorum
from ledger.services.witness.deciding import witness
from ledger.services.witness.folder import WitnessFolder
from ledger.settings import Settings
from ledger.store.checkpoints import CheckpointStore

__all__ = ["new_database"]


def quiet(*_: object) -> None:
    """No progress is shown."""


@pytest.fixture
def ledger(database: Database, tmp_path: Path) -> Iterator[Ledger]:
    with signing(database, tmp_path) as opened:
        yield opened


@pytest.fixture
def http() -> Iterator[httpx2.Client]:
    with client() as made:
        yield made


@pytest.fixture
def one(ledger: Ledger, tmp_path: Path) -> Iterator[Witness]:
    """A witness that accepts the ledger's log."""
    with a_witness(tmp_path / "one", "witness.example/one", vkey(ledger)) as made:
        yield made


def vkey(ledger: Ledger) -> str:
    return keys.load(ledger.settings).newest.verifier.vkey


def cosigners(sealed: sealing.Sealed, *known: Witness) -> list[str]:
    return [each.key.name for each in cosignatures.of(notes.parse(sealed.cosigned), [each.key for each in known])]


# ── the protocol, over HTTP ──────────────────────────────────────────────────────────────────────────────────────────


def test_each_answer_of_a_witness_is_the_status_of_the_protocol(tmp_path: Path) -> None:
    forged = note(8).replace(b"\n8\n", b"\n9\n")
    with a_witness(tmp_path / "w", "w", KEY.verifier.vkey) as made, httpx2.Client() as plain:

        def post(content: bytes, status: int) -> httpx2.Response:
            answer = plain.post(f"{made.url}/add-checkpoint", content=content)
            assert answer.status_code == status, answer.content
            return answer

        body = post(request(0, 7), 200).content.decode()
        assert body.startswith("\N{EM DASH} w ")
        assert body.endswith("\n")
        for content in (request(0, 8), request(6, 8), request(7, 7, 1)):
            answer = post(content, 409)
            assert (answer.content, answer.headers["Content-Type"]) == (b"7\n", "text/x.tlog.size")
        post(b"nonsense", 400)
        post(bytes(AddCheckpoint(9, (), note(8))), 400)
        post(b"x" * (MAX_BYTES + 1), 400)
        post(bytes(AddCheckpoint(7, (), forged)), 403)
        post(bytes(AddCheckpoint(7, (), note(8).replace(KEY.name.encode(), b"example.org/unknown"))), 404)
        post(request(7, 9, 1), 422)
        post(request(7, 9), 200)
        assert plain.get(f"{made.url}/add-checkpoint").status_code == 405
        assert plain.get(f"{made.url}/healthz").status_code == 200


def test_what_a_witness_cannot_keep_it_answers_with_500(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    WitnessFolder(tmp_path / "w").create("w", [KEY.verifier.vkey])
    with witness(tmp_path / "w", lambda: NOW) as answering:
        plain = TestClient(create_witness_app(answering), raise_server_exceptions=False)
        monkeypatch.setattr("ledger.services.durable_files.os.fsync", _disk_full)
        assert plain.post("/add-checkpoint", content=request(0, 7)).status_code == 500
        assert WitnessFolder(tmp_path / "w").newest(KEY.name) is None


# ── the ledger asks ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_checkpoint_is_cosigned_and_the_next_one_from_there(
    ledger: Ledger, http: httpx2.Client, one: Witness, tmp_path: Path
) -> None:
    size = 0
    for more in (1, 4, 300, 1):
        fill(ledger, more, start=size)
        size += more
        sealed = seal(ledger)
        found = Asking(ledger, http).ask(one, sealed)
        assert found is not None
        assert (found.key, found.time) == (one.key, NOW)
        published = sealing.published(ledger)
        assert published.note == sealed.note
        assert cosigners(published, one) == [one.name]
        assert WitnessFolder(tmp_path / "one").newest(ORIGIN) == sealed.checkpoint
        # Asked again it says the same, and what was kept first stays.
        assert Asking(ledger, http).ask(one, sealed) is not None
        assert sealing.published(ledger) == published


def test_a_witness_that_stands_elsewhere_says_so_and_is_asked_from_there(
    ledger: Ledger, http: httpx2.Client, one: Witness, database: Database
) -> None:
    fill(ledger, 10)
    seal(ledger)
    Asking(ledger, http).ask(one, sealing.published(ledger))
    with superuser(database) as owner:
        owner.execute("DELETE FROM ledger.cosignature")  # so that we know nothing of it
    fill(ledger, 500, start=10)
    assert Asking(ledger, http).ask(one, seal(ledger)) is not None


def test_an_older_checkpoint_than_it_has_cosigned_needs_no_answer(
    ledger: Ledger, http: httpx2.Client, one: Witness
) -> None:
    fill(ledger, 3)
    old = seal(ledger)
    fill(ledger, 3, start=3)
    Asking(ledger, http).ask(one, seal(ledger))
    assert Asking(ledger, http).ask(one, old) is None


def test_another_history_is_disputed(
    ledger: Ledger, http: httpx2.Client, one: Witness, new_database: NewDatabase, tmp_path: Path
) -> None:
    """The key's holder shows somebody else another log: the witness sees it, with all that he remembers put back."""
    fill(ledger, 10)
    Asking(ledger, http).ask(one, seal(ledger))
    with new_database() as other, signing(other, tmp_path) as forked:
        sealing.memory(forked.settings).path.unlink()
        fill(forked, 5, "another")
        fewer = seal(forked)
        with pytest.raises(WitnessDisagrees, match="10 entries, and there are 5"):
            Asking(forked, http).ask(one, fewer)
        fill(forked, 5, "more")
        with pytest.raises(WitnessDisagrees, match="another root over 10"):
            Asking(forked, http).ask(one, seal(forked))
        fill(forked, 5, "most")
        with pytest.raises(WitnessDisagrees, match="not those with which the log begins"):
            Asking(forked, http).ask(one, seal(forked))
        assert sealing.published(forked).cosignatures == b""
    assert len(list((tmp_path / "one" / "disputed").iterdir())) == 1


def test_a_witness_must_know_the_log_and_the_key(ledger: Ledger, http: httpx2.Client, tmp_path: Path) -> None:
    fill(ledger, 3)
    sealed, unknown = seal(ledger), pytest.raises(WitnessError, match=r"does not know the log example\.org/ledger")
    with a_witness(tmp_path / "stranger", "stranger", KEY.verifier.vkey) as stranger, unknown:
        Asking(ledger, http).ask(stranger, sealed)
    with a_witness(tmp_path / "w", "w", vkey(ledger)) as made:
        Asking(ledger, http).ask(made, seal(ledger))
        # While two keys sign, a witness that knows the old one goes on; afterwards it must have been given the new one.
        rotation.rotate(ledger)
        Asking(ledger, http).ask(made, sealing.published(ledger))
        rotation.retire(ledger, early=True)
        Asking(ledger, http).ask(made, sealing.published(ledger))
        fill(ledger, 1, start=3)
        with pytest.raises(WitnessError, match="none of the keys"):
            Asking(ledger, http).ask(made, seal(ledger))
    with (tmp_path / "w" / "logs").open("a") as logs:
        logs.write(f"{vkey(ledger)}\n")
    with a_witness(tmp_path / "w", "w") as made:
        assert Asking(ledger, http).ask(made, sealing.published(ledger)) is not None


OTHER = WitnessSigner("witness.example/other", b"o" * 32)
LIES: dict[str, tuple[Callable[[bytes], Response], str]] = {
    "nothing": (lambda _: Response(b""), "no cosignature"),
    "no text": (lambda _: Response(b"\xff\n"), "no cosignature"),
    "no lines": (lambda _: PlainTextResponse("thanks\n"), "no cosignature"),
    "no newline": (lambda body: PlainTextResponse(_cosigned(body)[:-1]), "no cosignature"),
    "of another text": (lambda body: PlainTextResponse(_cosigned(body, more="x\n")), "no cosignature"),
    "by another key": (lambda body: PlainTextResponse(_cosigned(body, signer=KEY_OF_NOBODY)), "another key"),
    "no size": (lambda _: Response(b"soon\n", 409), "without the size"),
    "a size beyond": (lambda _: Response(b"9999999999999999999\n", 409), "without the size"),
    "always another size": (lambda _: Response(b"%d\n" % random.randint(1, 5), 409), "at the same time"),  # any size
    "a redirect": (lambda _: Response(b"", 302, {"Location": "http://127.0.0.1:1/"}), "answers 302"),
    "an error": (lambda _: Response(b"", 500), "answers 500"),
    "bad request": (lambda _: Response(b"", 400), "answers 400"),
    "no end": (lambda _: Response(b"x" * 1_000_000), "more than"),
}
KEY_OF_NOBODY = WitnessSigner("witness.example/other", b"n" * 32)


def _cosigned(body: bytes, *, more: str = "", signer: WitnessSigner = OTHER) -> str:
    text = notes.parse(add_checkpoint.parse(body).note).text
    return cosignatures.cosign(text + more, signer, NOW).line + "\n"


@pytest.mark.parametrize("lie", LIES)
def test_an_answer_that_is_no_cosignature_is_not_kept(ledger: Ledger, http: httpx2.Client, lie: str) -> None:
    answer, reason = LIES[lie]
    fill(ledger, 6)
    with a_liar(OTHER.verifier, answer) as liar, pytest.raises(WitnessError, match=reason):
        Asking(ledger, http).ask(liar, seal(ledger))
    assert sealing.published(ledger).cosignatures == b""


def test_lines_of_other_keys_in_an_answer_are_passed_over(ledger: Ledger, http: httpx2.Client) -> None:
    def answer(body: bytes) -> Response:
        return PlainTextResponse(_cosigned(body, signer=KEY_OF_NOBODY) + _cosigned(body))

    fill(ledger, 6)
    with a_liar(OTHER.verifier, answer) as made:
        Asking(ledger, http).ask(made, seal(ledger))
        assert sealing.published(ledger).cosignatures.count(b"\n") == 1
        assert cosigners(sealing.published(ledger), made) == [OTHER.name]


def test_nobody_there_and_nobody_in_time(ledger: Ledger, http: httpx2.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(ledger, 6)
    sealed = seal(ledger)
    with pytest.raises(WitnessError, match="does not answer"):
        Asking(ledger, http).ask(Witness(OTHER.verifier, "http://127.0.0.1:1"), sealed)
    monkeypatch.setattr(asking, "ANSWER_SECONDS", 0.0)
    late = pytest.raises(WitnessError, match="not answered in")
    with a_liar(OTHER.verifier, lambda body: PlainTextResponse(_cosigned(body))) as slow, late:
        Asking(ledger, http).ask(slow, sealed)


def test_all_are_asked_at_once_and_those_that_fail_are_named(
    database: Database, ledger: Ledger, one: Witness, tmp_path: Path
) -> None:
    fill(ledger, 6)
    gone = Witness(OTHER.verifier, "http://127.0.0.1:1")
    with signing(database, tmp_path, witnesses=setting(one, gone)) as again:
        sealed, failures = together.cosigned(again, seal(again))
        assert cosigners(sealed, one, gone) == [one.name]
        assert [str(failure).split(":")[0] for failure in failures] == [f"witness {OTHER.name}"]
        found = {each.name: (each.size, each.time, each.behind) for each in together.standings(again)}
        assert found == {one.name: (6, "2023-11-14T22:13:20.000000Z", 0), OTHER.name: (0, None, 6)}


def test_threads_ask_about_news_go_on_after_trouble_and_hold_nobody_up(
    ledger: Ledger, http: httpx2.Client, one: Witness
) -> None:
    gone = Witness(OTHER.verifier, "http://127.0.0.1:1")
    threads = [WitnessThread(ledger, Asking(ledger, http), each, interval=0.02) for each in (one, gone)]
    with structlog.testing.capture_logs() as logs:
        for thread in threads:
            thread.start()
        for start in (0, 3, 6):
            fill(ledger, 3, start=start)
            seal(ledger)
            _until(lambda size=start + 3: cosigners(sealing.published(ledger, size), one) == [one.name])
        _until(lambda: len([log for log in logs if log["event"] == "not cosigned"]) >= 2)
        for thread in threads:
            thread.stop()
    said = [log for log in logs if log["event"] == "not cosigned"]
    assert {log["log_level"] for log in said} == {"warning"}
    assert all(OTHER.name in log["error"] for log in said)
    pauses = [log["again_in_seconds"] for log in said]
    assert pauses == sorted(set(pauses))  # longer and longer


def test_a_dispute_is_said_loudly(ledger: Ledger, http: httpx2.Client) -> None:
    fill(ledger, 3)
    seal(ledger)
    with a_liar(OTHER.verifier, lambda _: Response(b"", 422)) as made, structlog.testing.capture_logs() as logs:
        thread = WitnessThread(ledger, Asking(ledger, http), made, interval=0.02)
        thread.start()
        _until(lambda: bool(logs))
        thread.stop()
    assert logs[0]["log_level"] == "critical"
    assert "DISPUTED" in logs[0]["error"]


@pytest.mark.parametrize(
    "value",
    [
        "one",
        f"{OTHER.verifier.vkey}",
        f"{OTHER.verifier.vkey} nowhere",
        f"{OTHER.verifier.vkey} ftp://example.org/",
        f"{OTHER.verifier.vkey} http://",
        f"{OTHER.verifier.vkey} https://example.org/?a=b",
        f"{KEY.verifier.vkey} https://example.org/",
        f"{OTHER.verifier.vkey} https://example.org/ {OTHER.verifier.vkey} https://example.org/",
    ],
)
def test_what_is_no_list_of_witnesses_is_refused(value: str) -> None:
    with pytest.raises(SettingsError, match="LEDGER_WITNESSES"):
        configured(Settings(witnesses=value))


def test_witnesses_are_named_by_key_and_url_in_turn() -> None:
    two = f"{OTHER.verifier.vkey} https://example.org/w/\n  {WitnessSigner('b', b'b' * 32).verifier.vkey} http://b:81"
    assert [(each.name, each.url) for each in configured(Settings(witnesses=two))] == [
        (OTHER.name, "https://example.org/w"),
        ("b", "http://b:81"),
    ]
    assert configured(Settings()) == ()


# ── what others see of it ────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def cosigned(ledger: Ledger, http: httpx2.Client, tmp_path: Path) -> Iterator[tuple[Witness, Witness]]:
    """Two witnesses: the first has cosigned 8 entries and then 12, the second 8 only."""
    with ExitStack() as stack:
        two = [
            stack.enter_context(a_witness(tmp_path / name, f"witness.example/{name}", vkey(ledger)))
            for name in ("one", "two")
        ]
        record(ledger, *beginnings(), _unit(0))
        for each in two:
            Asking(ledger, http).ask(each, seal(ledger))
        record(ledger, *map(_unit, range(1, 5)))
        Asking(ledger, http).ask(two[0], seal(ledger))
        yield two[0], two[1]


def _unit(number: int) -> bytes:
    return line("register_unit", f"unit/X{number}", "2025-01-01", name=f"Unit {number}")


def test_the_api_and_the_proofs_hand_them_out(ledger: Ledger, cosigned: tuple[Witness, Witness]) -> None:
    with TestClient(create_app(ledger)) as api:
        content = api.get("/v1/log/checkpoint").content
        assert content == sealing.published(ledger).cosigned
        assert [each.key for each in cosignatures.of(notes.parse(content), [cosigned[0].key])] == [cosigned[0].key]
        assert checkpoints.read(content, keys.load(ledger.settings).verifiers).size == 12
        found = api.get("/v1/log/proof/consistency?old=8&new=12").json()
        assert len(cosignatures.of(notes.parse(found["old_checkpoint"].encode()), [w.key for w in cosigned])) == 2
    proof = proof_files.parse(bytes(proofs.inclusion_file(ledger, 3, sealing.published(ledger))))
    assert proof.extra is not None
    proof_files.verify(proof, leaf_hash(proof.extra), keys.load(ledger.settings).verifiers)
    assert cosignatures.of(notes.parse(proof.note), [cosigned[0].key])


def test_readiness_says_how_far_each_witness_is(
    database: Database, cosigned: tuple[Witness, Witness], tmp_path: Path
) -> None:
    with signing(database, tmp_path, witnesses=setting(*cosigned)) as again, TestClient(create_app(again)) as api:
        found = api.get("/readyz").json()["witnesses"]
        metrics = api.get("/metrics").text
    assert 'ledger_witness_events{witness="witness.example/two"} 8.0\n' in metrics
    assert [(each["name"], each["size"], each["behind"]) for each in found] == [
        ("witness.example/one", 12, 0),
        ("witness.example/two", 8, 4),
    ]


def test_verify_counts_those_who_stand_for_the_log(
    database: Database, ledger: Ledger, cosigned: tuple[Witness, Witness]
) -> None:
    one, two = (each.key for each in cosigned)

    def findings(wanted: int, *given: cosignatures.WitnessKey) -> list[str]:
        quorum = Quorum(given, wanted)
        return [each.name for each in verification.verify(ledger, None, quiet, quorum=quorum).findings]

    assert findings(2, one, two) == findings(1, one) == findings(0) == []
    assert findings(2, one) == findings(3, one, two) == findings(1, OTHER.verifier) == ["WITNESSES"]
    found = verification.verify(ledger, None, quiet, quorum=Quorum((one, two), 2)).witnesses
    assert {each.vkey: each.size for each in found} == {one.vkey: 12, two.vkey: 8}
    # A line that the witness has not given, or has given for another checkpoint.
    with superuser(database) as owner:
        owner.execute(
            "UPDATE ledger.cosignature SET line = (SELECT line FROM ledger.cosignature WHERE size = 12) "
            "WHERE size = 8 AND witness = %s",
            (one.name,),
        )
    assert findings(1, one, two) == ["COSIGNATURE"]
    assert findings(1, two) == []
    with superuser(database) as owner:
        owner.execute("UPDATE ledger.cosignature SET line = 'nonsense' WHERE size = 12")
    assert "COSIGNATURE" in findings(1, two)


def test_an_archive_carries_them_and_wants_as_many_as_it_is_told(
    ledger: Ledger, http: httpx2.Client, cosigned: tuple[Witness, Witness], new_database: NewDatabase, tmp_path: Path
) -> None:
    own, folder = keys.load(ledger.settings).verifiers, tmp_path / "archive"
    one, two = (each.key for each in cosigned)
    exports.export(ledger, folder, sealing.published(ledger), ALL, quiet)
    assert (folder / "checkpoint").read_bytes() == sealing.published(ledger).cosigned
    found = archives.verify(folder, own, quiet, Quorum((one, two), 1))
    assert [(each.vkey, each.size) for each in found.witnesses] == [(one.vkey, 12)]
    with pytest.raises(ArchiveError, match="too few witnesses for 12 entries: 2 wanted, 1 found"):
        archives.verify(folder, own, quiet, Quorum((one, two), 2))
    Asking(ledger, http).ask(cosigned[1], sealing.published(ledger))
    assert exports.export(ledger, folder, sealing.published(ledger), ALL, quiet).files == 1
    assert len(archives.verify(folder, own, quiet, Quorum((one, two), 2)).witnesses) == 2
    # A log that says what nobody has seen, signed by its own key: the witnesses are not for it.
    held = (folder / "checkpoint").read_bytes()
    (folder / "checkpoint").write_bytes(held.replace(_line(held, two.name), _line(held, one.name)))
    with pytest.raises(ArchiveError, match="2 wanted, 1 found"):
        archives.verify(folder, own, quiet, Quorum((one, two), 2))
    (folder / "checkpoint").write_bytes(held)

    with new_database() as other, signing(other, tmp_path) as again:
        restoring.restore(again, folder, own, quiet)
        assert sealing.published(again) == sealing.published(ledger)
        assert [each.size for each in CheckpointStore(again.database).after(-1)] == [8, 12]


def _line(content: bytes, name: str) -> bytes:
    return next(line for line in content.splitlines(keepends=True) if line.startswith(f"— {name} ".encode()))


def _until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def _disk_full(_descriptor: int) -> None:
    raise OSError(28, "No space left on device")
