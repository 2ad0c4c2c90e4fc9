"""A witness cosigns what continues all that it has seen, and nothing else, whatever it is asked and however it ends."""

from __future__ import annotations

import random
import shutil
import tempfile
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from tests.support.effort import EFFORT, examples
from tests.support.killing import killed
from tests.witness.logs import FORKED_AT, KEY, NEXT_KEY, STRANGER, note, request, root

from ledger.errors import IntegrityError, NoKey, SettingsError
from ledger.merkle import checkpoints, cosignatures, notes
from ledger.merkle.add_checkpoint import AddCheckpoint
from ledger.merkle.cosignatures import WitnessKey
from ledger.merkle.notes import Note
from ledger.services.witness.deciding import (
    Answer,
    Cosigned,
    Elsewhere,
    Malformed,
    NotProven,
    NotSigned,
    UnknownLog,
    Witness,
    witness,
)
from ledger.services.witness.folder import WitnessFolder

NOW = 1_700_000_000
NAME = "witness.example/w1"


def opened(folder: Path) -> AbstractContextManager[Witness]:
    return witness(folder, lambda: NOW)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder of a witness that accepts one log, by two keys."""
    WitnessFolder(tmp_path / "w").create(NAME, [KEY.verifier.vkey, NEXT_KEY.verifier.vkey])
    return tmp_path / "w"


@pytest.fixture
def asked(folder: Path) -> Iterator[Witness]:
    with opened(folder) as made:
        yield made


def key(folder: Path) -> WitnessKey:
    return WitnessFolder(folder).signer().verifier


def size_of(folder: Path) -> int:
    newest = WitnessFolder(folder).newest(KEY.name)
    return newest.size if newest else 0


def test_a_cosignature_is_over_the_checkpoint_and_kept_before_it_is_given(folder: Path, asked: Witness) -> None:
    for old, size in ((0, 3), (3, 3), (3, 8), (8, 300)):
        answer = asked.add_checkpoint(request(old, size))
        assert isinstance(answer, Cosigned)
        signed = Note(notes.parse(note(size)).text, notes.parse_lines(answer.line))
        assert [each.time for each in cosignatures.of(signed, [key(folder)])] == [NOW]
        assert WitnessFolder(folder).newest(KEY.name) == checkpoints.read(note(size), [KEY.verifier])


def test_a_log_may_begin_empty(asked: Witness) -> None:
    assert isinstance(asked.add_checkpoint(request(0, 0)), Cosigned)
    assert isinstance(asked.add_checkpoint(request(0, 4)), Cosigned)


@pytest.mark.parametrize("keys", [(KEY,), (NEXT_KEY,), (KEY, NEXT_KEY), (KEY, STRANGER)])
def test_any_key_of_the_log_will_do_and_others_are_passed_over(asked: Witness, keys: tuple[object, ...]) -> None:
    text = notes.parse(note(3)).text
    signed = bytes(notes.sign(text, *keys))  # type: ignore[arg-type]  # signers
    assert isinstance(asked.add_checkpoint(bytes(AddCheckpoint(0, (), signed))), Cosigned)


def test_what_is_not_asked_as_it_should_be_is_not_cosigned(folder: Path, asked: Witness) -> None:
    assert isinstance(asked.add_checkpoint(request(0, 7)), Cosigned)
    stranger, forged = note(8, 0, STRANGER), note(8).replace(b"\n8\n", b"\n9\n")
    impostor = bytes(notes.sign(notes.parse(note(8)).text, STRANGER))
    cases: list[tuple[bytes, type[Answer]]] = [
        (b"", Malformed),
        (b"old 7\n\nno checkpoint\n", Malformed),
        (request(0, 7)[:-1], Malformed),
        (bytes(AddCheckpoint(9, (), note(8))), Malformed),
        (bytes(AddCheckpoint(7, (), stranger)), UnknownLog),
        (bytes(AddCheckpoint(7, (), impostor)), NotSigned),
        (bytes(AddCheckpoint(7, (), forged)), NotSigned),
        (request(0, 8), Elsewhere),
        (request(6, 8), Elsewhere),
        (request(0, 3), Elsewhere),
        (request(3, 3), Elsewhere),
        (request(7, 7, 1), Elsewhere),
        (request(7, 9, 1), NotProven),
        (request(7, 9, 0, proof_of=1), NotProven),
        (bytes(AddCheckpoint(7, (), note(9))), NotProven),
        (bytes(AddCheckpoint(7, (bytes(32),), note(7))), NotProven),
    ]
    for content, kind in cases:
        answer = asked.add_checkpoint(content)
        assert isinstance(answer, kind), (content, answer)
        if isinstance(answer, Elsewhere):
            assert answer.size == 7
        assert size_of(folder) == 7
    assert isinstance(asked.add_checkpoint(request(7, 9)), Cosigned)


def test_two_roots_over_one_size_are_kept_as_proof(folder: Path, asked: Witness) -> None:
    asked.add_checkpoint(request(0, 7))
    assert asked.add_checkpoint(request(7, 7, 1)) == Elsewhere(7)
    assert asked.add_checkpoint(request(0, 7, 1)) == Elsewhere(7)
    (proof,) = (folder / "disputed").iterdir()
    kept = checkpoints.read(proof.read_bytes(), [KEY.verifier])
    assert (kept.size, kept.root) == (7, root(1, 0, 7))


def test_what_cannot_be_kept_is_not_cosigned(folder: Path, asked: Witness, monkeypatch: pytest.MonkeyPatch) -> None:
    asked.add_checkpoint(request(0, 3))

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("ledger.services.durable_files.os.fsync", full)
        with pytest.raises(OSError, match="No space"):
            asked.add_checkpoint(request(3, 8, 1))
    assert size_of(folder) == 3
    assert isinstance(asked.add_checkpoint(request(3, 8)), Cosigned)


def test_a_witness_that_does_not_know_what_it_cosigned_cosigns_nothing(folder: Path) -> None:
    with opened(folder) as made:
        made.add_checkpoint(request(0, 7))
        (kept,) = (folder / "cosigned").iterdir()
        held = kept.read_bytes()
        kept.write_bytes(held[:40])
        with pytest.raises(IntegrityError, match="cannot be read"):
            made.add_checkpoint(request(0, 9))
    with pytest.raises(IntegrityError, match="cannot be read"), opened(folder):
        pass
    shutil.rmtree(folder / "cosigned")
    with pytest.raises(IntegrityError, match="make another"), opened(folder):
        pass


def test_one_process_at_a_time_and_only_with_a_key_and_logs(folder: Path, tmp_path: Path) -> None:
    with opened(folder), pytest.raises(SettingsError, match="another process"), opened(folder):
        pass
    with pytest.raises(SettingsError, match="not replaced"):
        WitnessFolder(folder).create(NAME, [])
    with pytest.raises(NoKey, match="ledger witness new"), opened(tmp_path / "none"):
        pass
    (folder / "logs").write_text("# a remark\n\n")
    with pytest.raises(SettingsError, match="names no log"), opened(folder):
        pass
    (folder / "logs").write_text(f"# a remark\n{KEY.verifier.vkey}\nnonsense\n")
    with pytest.raises(SettingsError, match="logs, line 3"), opened(folder):
        pass
    (folder / "witness.key").chmod(0o644)
    with pytest.raises(SettingsError, match="chmod 600"), opened(folder):
        pass


def test_many_at_once_get_one_history(folder: Path, asked: Witness) -> None:
    given: list[tuple[int, int]] = []
    started = threading.Barrier(6)

    def push(history: int) -> None:
        chance = random.Random(history)
        started.wait()
        for _ in range(60 * EFFORT):
            old = size_of(folder)
            size = old + chance.randint(0, 3)
            if isinstance(asked.add_checkpoint(request(old, size, history % 2)), Cosigned):
                given.append((size, history % 2))

    with ThreadPoolExecutor(6) as threads:
        for job in [threads.submit(push, number) for number in range(6)]:
            job.result()
    assert max(given)[0] > FORKED_AT
    _check_one_history(given)


_CHILD = """
import os
import sys
from pathlib import Path
import structlog
from ledger.services.witness.deciding import Cosigned, witness
from ledger.services.witness.folder import WitnessFolder
from tests.witness.logs import KEY, request
structlog.configure(logger_factory=structlog.PrintLoggerFactory(open(os.devnull, "w")))  # nobody reads the pipe
folder, history = Path(sys.argv[1]), int(sys.argv[2])
with witness(folder, lambda: 1_700_000_000) as made, open(sys.argv[3], "ab", buffering=0) as told:
    print("begin", flush=True)
    for _ in range(400):
        newest = WitnessFolder(folder).newest(KEY.name)
        old = newest.size if newest else 0
        if isinstance(made.add_checkpoint(request(old, old + 1, history)), Cosigned):
            told.write(b"%d %d\\n" % (old + 1, history))
"""


def test_killed_at_any_moment_it_goes_on_with_the_same_history(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    told = tmp_path / "told"
    told.touch()
    for number in range(4 * EFFORT):
        before = len(told.read_bytes())
        enough = before + random.Random(number).randint(1, 120)
        killed(_CHILD, str(folder), str(number % 2), str(told), after=lambda: len(told.read_bytes()) >= enough)  # noqa: B023  # called at once
        given = [(int(line.split()[0]), int(line.split()[1])) for line in told.read_text().splitlines()]
        _check_one_history(given)
        assert size_of(folder) >= max(size for size, _ in given)
        if max(given)[0] > FORKED_AT + 1 and len(told.read_bytes()) == before:
            assert given[-1][1] != number % 2  # the other history gets no further


class Asked(RuleBasedStateMachine):
    """Requests of two histories in any order, between restarts."""

    def __init__(self) -> None:
        super().__init__()
        self.path = Path(tempfile.mkdtemp())
        WitnessFolder(self.path / "w").create(NAME, [KEY.verifier.vkey])
        self.given: list[tuple[int, int]] = []
        self._open()

    def _open(self) -> None:
        self.context = opened(self.path / "w")
        self.witness = self.context.__enter__()

    @rule()
    def restarted(self) -> None:
        self.context.__exit__(None, None, None)
        self._open()

    @rule(
        old=st.integers(0, 20) | st.none(),
        more=st.integers(-3, 9),
        history=st.integers(0, 1),
        proof_of=st.integers(0, 1) | st.none(),
    )
    def asked(self, old: int | None, more: int, history: int, proof_of: int | None) -> None:
        size_before, last = max(self.given, default=(0, 0))
        from_size = size_before if old is None else old
        size = max(from_size + more, 0)
        answer = self.witness.add_checkpoint(request(from_size, size, history, proof_of))
        honest = history == last or size_before <= FORKED_AT
        true = proof_of in (None, history) or size <= FORKED_AT
        if from_size == size_before <= size and honest and true:
            assert isinstance(answer, Cosigned), answer
        if isinstance(answer, Cosigned):
            assert size >= size_before
            self.given.append((size, history))

    @invariant()
    def one_history(self) -> None:
        _check_one_history(self.given)

    def teardown(self) -> None:
        self.context.__exit__(None, None, None)
        shutil.rmtree(self.path)


TestAsked = Asked.TestCase
TestAsked.settings = examples(40)


def _check_one_history(given: list[tuple[int, int]]) -> None:
    """Of the two histories only one was cosigned beyond what they have in common."""
    assert len({history for size, history in given if size > FORKED_AT}) <= 1, given
