"""The command line and the API, as an operator and an auditor use them."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import httpx2
import psycopg
import pytest
from fastapi.testclient import TestClient
from tests.conftest import Database
from tests.integrity.ledgers import fill, seal, signing, superuser, verifier
from tests.support.databases import NewDatabase

from ledger.api.app import create_app
from ledger.merkle import base64_text, checkpoints, proof_files
from ledger.merkle.cosignatures import WitnessSigner
from ledger.merkle.hashing import leaf_hash
from ledger.merkle.note_keys import SignerKey, parse_vkey
from ledger.merkle.proofs import ConsistencyProof, InclusionProof, verify_consistency, verify_inclusion
from ledger.services import proofs

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def run(database: Database, tmp_path: Path) -> Run:
    """Runs `ledger …` on the test's database, with a data folder of its own."""

    def run_one(*arguments: str, code: int = 0, **environment: str) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [sys.executable, "-c", "from ledger.cli import main; main()", *arguments],
            env={
                **os.environ,
                "LEDGER_DATABASE_URL": database.app,
                "LEDGER_DATA_DIR": str(tmp_path / "data"),
                "COLUMNS": "400",
                **environment,
            },
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
        return done

    return run_one


COMMANDS = "".join(
    json.dumps(command) + "\n"
    for command in (
        {"command": "register_unit", "unit": "U1", "acting_unit": "U1", "data": {"name": "Unit one"}},
        *(
            {
                "command": "assign_task",
                "task": f"T{number}",
                "acting_unit": "U1",
                "effective_at": "2025-02-24",
                "data": {"title": "A task", "lead": "U1", "result": "A report", "deadline": {"date": "2025-03-10"}},
            }
            for number in range(6)
        ),
    )
)


def test_an_operator_signs_exports_and_restores_and_an_auditor_verifies(
    run: Run, new_database: NewDatabase, tmp_path: Path
) -> None:
    (tmp_path / "commands.ndjson").write_text(COMMANDS)
    run("import", "commands", str(tmp_path / "commands.ndjson"))
    assert "ledger keys new" in run("log", "checkpoint", code=2).stderr
    vkey = run("keys", "new", "--origin", "example.org/ledger").stdout.strip()
    assert run("keys", "show").stdout.strip() == vkey
    assert "not replaced" in run("keys", "new", code=2).stderr
    note = run("log", "checkpoint").stdout
    assert checkpoints.read(note.encode(), [parse_vkey(vkey)]).size == 7

    folder, proof = tmp_path / "archive", tmp_path / "3.tlog-proof"
    assert "7 entries" in run("archive", "export", str(folder)).stdout
    assert (folder / "checkpoint").read_text() == note
    run("log", "prove", "3", "-o", str(proof))

    # The auditor has the files and the key, and no database.
    nowhere = {"LEDGER_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none", "LEDGER_DATA_DIR": str(tmp_path / "none")}
    verified = run("archive", "verify", str(folder), "--vkey", vkey, **nowhere).stdout
    assert "every signature verified" in verified
    assert '"stream":"task/T2"' in run("log", "check", str(proof), "--vkey", vkey, **nowhere).stdout
    for door in (("archive", "verify", str(folder)), ("log", "check", str(proof))):
        said = run(*door, code=2, **nowhere).stderr
        assert "by --vkey" in said
        assert "keys new" not in said
    assert (
        "not over this text" in run("log", "check", str(_altered(proof, b"7\n", b"8\n")), "--vkey", vkey, code=1).stderr
    )
    bundle = folder / "tile" / "entries" / "000.p" / "7"
    _altered(bundle, b'"normal"', b'"urgent"')
    refused = run("archive", "verify", str(folder), "--vkey", vkey, code=1, **nowhere)
    assert "tile/entries/000.p/7: position 1: " in refused.stderr
    _altered(bundle, b'"urgent"', b'"normal"')

    with new_database() as other:
        restored = run("archive", "restore", str(folder), LEDGER_DATABASE_URL=other.app)
        assert "restored: 7 entries" in restored.stdout
        assert run("log", "checkpoint", LEDGER_DATABASE_URL=other.app).stdout == note
        assert run("verify", "--deep", LEDGER_DATABASE_URL=other.app).stdout.startswith("sound: 7 records")


def test_what_is_wrong_is_named_and_exits_with_1(run: Run, database: Database, tmp_path: Path) -> None:
    (tmp_path / "commands.ndjson").write_text(COMMANDS)
    run("import", "commands", str(tmp_path / "commands.ndjson"))
    run("keys", "new")
    run("log", "checkpoint")
    assert json.loads(run("verify", "--json").stdout)["sound"]
    with superuser(database) as owner:
        owner.execute("UPDATE ledger.log SET entry = overlay(entry placing 'X' from 100 for 1) WHERE position = 4")
    assert "FORK" in run("log", "checkpoint", code=1).stderr
    said = run("verify", code=1).stdout
    assert said.startswith("FORK: position 0: ")
    assert "not sound" in said
    found = json.loads(run("verify", "--json", code=1).stdout)
    assert not found["sound"]
    assert [finding["name"] for finding in found["findings"]] == ["FORK"]


def test_keys_follow_one_another_and_an_auditor_with_the_first_one_follows_too(run: Run, tmp_path: Path) -> None:
    (tmp_path / "commands.ndjson").write_text(COMMANDS)
    run("import", "commands", str(tmp_path / "commands.ndjson"))
    assert "ledger keys new" in run("keys", "rotate", code=2).stderr
    first = run("keys", "new", "--origin", "example.org/ledger").stdout.strip()
    run("log", "checkpoint")
    rotated = run("keys", "rotate", "--overlap", "0")
    second = rotated.stdout.strip()
    assert "position 7" in rotated.stderr
    assert run("keys", "show").stdout.split() == [second, first]
    assert "keys retire" in run("keys", "rotate", code=2).stderr
    rows = json.loads(run("keys", "history", "--json").stdout)["keys"]
    assert [(row["vkey"], row["since"], row["signs"]) for row in rows] == [(first, None, True), (second, 7, True)]
    assert run("keys", "retire").stdout.strip() == first
    assert run("keys", "show").stdout.split() == [second]
    history = run("keys", "history").stdout.splitlines()
    assert history[0] == f"{first}  from the beginning, retired at position 8"
    assert history[1] == f"{second}  recorded at position 7, signs"
    run("archive", "export", str(tmp_path / "archive"))
    for given, other in ((first, second), (second, first)):
        said = run("archive", "verify", str(tmp_path / "archive"), "--vkey", given).stdout
        assert f"key {given} (given" in said
        assert f"key {other} (vouched for by a key that was given" in said
    assert run("verify", "--vkey", first).stdout.startswith("sound: 9 records")
    assert "none of the keys" in run("verify", "--vkey", STRANGER, code=1).stdout
    assert "lost" in run("keys", "rotate", "--lost", first, code=2).stderr


def test_a_key_that_has_signed_nothing_yet_is_said_to_have(run: Run, tmp_path: Path) -> None:
    (tmp_path / "commands.ndjson").write_text(COMMANDS)
    run("import", "commands", str(tmp_path / "commands.ndjson"))
    vkey = run("keys", "new", "--origin", "example.org/ledger").stdout.strip()
    assert f"key {vkey} (given): signed no checkpoint\n" in run("verify").stdout
    run("archive", "export", str(tmp_path / "archive"))
    said = run("archive", "verify", str(tmp_path / "archive"), "--vkey", vkey, "--vkey", STRANGER).stdout
    assert f"key {STRANGER} (given): signed no checkpoint\n" in said
    # The newest checkpoint lies in the archive twice, and is one.
    assert f"key {vkey} (given): signed one checkpoint, over 7 entries\n" in said


STRANGER = SignerKey("example.org/ledger", b"s" * 32).verifier.vkey


def test_another_office_witnesses_and_an_auditor_wants_that(run: Run, tmp_path: Path) -> None:
    (tmp_path / "commands.ndjson").write_text(COMMANDS)
    run("import", "commands", str(tmp_path / "commands.ndjson"))
    vkey = run("keys", "new", "--origin", "example.org/ledger").stdout.strip()
    folder, archive, proof = str(tmp_path / "witness"), str(tmp_path / "archive"), str(tmp_path / "3.tlog-proof")
    assert "ledger witness new" in run("witness", "show", folder, code=2).stderr
    of_witness = run("witness", "new", folder, "--name", "witness.example.org/w1", "--log", vkey).stdout.strip()
    assert "not replaced" in run("witness", "new", folder, "--name", "witness.example.org/w1", code=2).stderr
    run("archive", "export", archive)
    wants = ("--vkey", vkey, "--witness-vkey", of_witness)
    refused = run("archive", "verify", archive, *wants, code=1)
    assert "too few witnesses for 7 entries: 1 wanted, 0 found" in refused.stderr
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    asks = {"LEDGER_WITNESSES": f"{of_witness} http://127.0.0.1:{port}"}
    # Nobody there yet: that is said, and harms nothing.
    assert "does not answer" in run("log", "checkpoint", **asks).stderr
    serving = subprocess.Popen(
        [sys.executable, "-c", "from ledger.cli import main; main()", "witness", "serve", folder, "--port", str(port)]
    )
    try:
        _until_it_answers(port)
        assert "another process serves" in run("witness", "serve", folder, code=2).stderr
        cosigned = run("log", "checkpoint", **asks)
        assert cosigned.stderr == ""
        assert "\N{EM DASH} witness.example.org/w1 " in cosigned.stdout
        run("archive", "export", archive, **asks)
        run("log", "prove", "3", "-o", proof, **asks)
    finally:
        serving.terminate()
        serving.wait()
    assert f"witness {of_witness}: cosigned 7 entries at " in run("archive", "verify", archive, *wants).stdout
    run("log", "check", proof, *wants)
    run("log", "check", proof, *wants, "--witnesses", "0")
    assert "--witnesses" in run("log", "check", proof, *wants, "--witnesses", "2", code=2).stderr
    run("verify", "--witness-vkey", of_witness)
    assert "witness.example.org/w1 has cosigned 7 entries" in run("info", **asks).stdout
    assert "cosigned 7 entries" in run("witness", "show", folder).stderr
    assert "WITNESSES" in run("verify", "--witness-vkey", UNKNOWN, code=1).stdout


UNKNOWN = WitnessSigner("witness.example.org/w2", b"2" * 32).verifier.vkey


def _until_it_answers(port: int) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            httpx2.get(f"http://127.0.0.1:{port}/healthz").raise_for_status()
        except httpx2.TransportError:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        else:
            return


def test_the_api_answers_what_the_command_line_prints(run: Run, database: Database, tmp_path: Path) -> None:
    with signing(database, tmp_path) as ledger, TestClient(create_app(ledger)) as client:
        assert client.get("/v1/log/checkpoint").status_code == 404
        fill(ledger, 300)
        seal(ledger)
        fill(ledger, 400, start=300)
        sealed = seal(ledger)
        answer = client.get("/v1/log/checkpoint")
        assert (answer.content, answer.headers["content-type"]) == (sealed.note, "text/plain; charset=utf-8")

        found = client.get("/v1/log/proof/inclusion/17").json()
        assert (found["size"], found["checkpoint"]) == (700, sealed.note.decode())
        _check_inclusion(found, ledger.log.entries(17, 18)[0][1])
        _check_inclusion(client.get("/v1/log/proof/inclusion/17?size=18").json(), ledger.log.entries(17, 18)[0][1])

        consistent = client.get("/v1/log/proof/consistency?old=300&new=700")
        _check_consistency(consistent.json())
        assert consistent.json()["old_checkpoint"] is not None
        assert client.get("/v1/log/proof/consistency?old=299&new=700").json()["old_checkpoint"] is None
        zone = {"LEDGER_TIME_ZONE": ledger.locale.time_zone}
        assert run("log", "consistency", "300", "700", **zone).stdout.encode() == consistent.content

        for query, status in (
            ("inclusion/700", 404),
            ("inclusion/17?size=17", 404),
            ("inclusion/17?size=701", 400),
            ("inclusion/17?size=0", 400),
            ("inclusion/-1", 400),
            (f"inclusion/{2**63}", 400),
            ("consistency?old=0&new=3", 400),
            ("consistency?old=4&new=3", 400),
            ("consistency?old=1&new=701", 400),
            ("consistency?old=1", 400),
            ("consistency?old=1&new=2&other=3", 400),
        ):
            assert client.get(f"/v1/log/proof/{query}").status_code == status, query


def test_a_proof_file_verifies_for_every_position(database: Database, tmp_path: Path) -> None:
    with signing(database, tmp_path) as ledger:
        fill(ledger, 520)
        sealed = seal(ledger)
        for position in (0, 1, 255, 256, 511, 512, 519):
            proof = proof_files.parse(bytes(proofs.inclusion_file(ledger, position, sealed)))
            assert proof.extra == ledger.log.entries(position, position + 1)[0][1]
            assert proof_files.verify(proof, leaf_hash(proof.extra), [verifier(ledger)]) == sealed.checkpoint


def test_the_application_may_not_change_a_checkpoint_either(database: Database, tmp_path: Path) -> None:
    with signing(database, tmp_path) as ledger:
        fill(ledger, 3)
        seal(ledger)
    changes = (
        "UPDATE ledger.checkpoint SET note = ''",
        "DELETE FROM ledger.checkpoint",
        "UPDATE ledger.cosignature SET line = ''",
        "DELETE FROM ledger.cosignature",
    )
    for who in (database.app, database.owner):
        with psycopg.connect(who, autocommit=True) as connection:
            for change in changes:
                with pytest.raises(psycopg.Error) as caught:
                    connection.execute(change)
                assert caught.value.sqlstate == ("LG001" if who == database.owner else "42501")


def _altered(path: Path, old: bytes, new: bytes) -> Path:
    content = path.read_bytes()
    assert old in content
    path.write_bytes(content.replace(old, new, 1))
    return path


def _check_inclusion(found: dict[str, object], entry: bytes) -> None:
    assert found["leaf"] == base64_text.encode(leaf_hash(entry))
    proof = InclusionProof(int(str(found["position"])), int(str(found["size"])), _hashes(found))
    verify_inclusion(proof, leaf_hash(entry), base64_text.decode(str(found["root"])))


def _check_consistency(found: dict[str, object]) -> None:
    proof = ConsistencyProof(int(str(found["old"])), int(str(found["new"])), _hashes(found))
    verify_consistency(proof, base64_text.decode(str(found["old_root"])), base64_text.decode(str(found["new_root"])))


def _hashes(found: dict[str, object]) -> tuple[bytes, ...]:
    hashes = found["hashes"]
    assert isinstance(hashes, list)
    return tuple(map(base64_text.decode, hashes))


def test_a_certified_report_is_verified_by_somebody_else(run: Run, tmp_path: Path) -> None:
    """Who has nothing but the file and the key: no database, and no data folder of the ledger."""
    (tmp_path / "commands.ndjson").write_text(COMMANDS)
    run("import", "commands", str(tmp_path / "commands.ndjson"))
    vkey = run("keys", "new", "--origin", "example.org/ledger").stdout.strip()
    file, elsewhere = (
        tmp_path / "status.zip",
        {"LEDGER_DATA_DIR": str(tmp_path / "elsewhere"), "LEDGER_DATABASE_URL": ""},
    )
    asked = ("report", "status", "--on", "2025-03-20")
    made = run(*asked, "--certify", str(file))
    verified = run("certify", "verify", str(file), "--vkey", vkey, **elsewhere)
    assert verified.stdout.startswith(made.stdout)
    assert "sound: " in verified.stdout
    facts = json.loads(run("certify", "verify", str(file), "--vkey", vkey, "--json", **elsewhere).stdout)
    assert facts["sound"]
    assert (facts["report"], facts["on"], facts["position"]) == ("status", "2025-03-20", 7)
    assert facts["keys"][0]["vkey"] == vkey
    assert "by --vkey" in run("certify", "verify", str(file), code=2, **elsewhere).stderr
    assert not (tmp_path / "elsewhere").exists()
    run(*asked, "--task", "T3", "--certify", str(file), "--evidence", "excerpt")
    assert "cannot show" in run("certify", "verify", str(file), "--vkey", vkey, **elsewhere).stdout
    other = run("keys", "new", "--origin", "example.org/other", **elsewhere).stdout.strip()
    assert "checkpoint" in run("certify", "verify", str(file), "--vkey", other, code=1).stderr
