"""The command line and the API, as an operator and an auditor use them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from fastapi.testclient import TestClient
from tests.conftest import Database
from tests.integrity.ledgers import fill, seal, signing, superuser, verifier
from tests.support.databases import NewDatabase

from ledger.api.app import create_app
from ledger.merkle import base64_text, checkpoints, proof_files
from ledger.merkle.hashing import leaf_hash
from ledger.merkle.note_keys import parse_vkey
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
    assert "no key" in run("archive", "verify", str(folder), code=2, **nowhere).stderr
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
    for who in (database.app, database.owner):
        with psycopg.connect(who, autocommit=True) as connection:
            for change in ("UPDATE ledger.checkpoint SET note = ''", "DELETE FROM ledger.checkpoint"):
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
    assert not (tmp_path / "elsewhere").exists()
    run(*asked, "--task", "T3", "--certify", str(file), "--evidence", "excerpt")
    assert "cannot show" in run("certify", "verify", str(file), "--vkey", vkey, **elsewhere).stdout
    other = run("keys", "new", "--origin", "example.org/other", **elsewhere).stdout.strip()
    assert "checkpoint" in run("certify", "verify", str(file), "--vkey", other, code=1).stderr
