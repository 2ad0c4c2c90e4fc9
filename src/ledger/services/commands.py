"""Command handling: from lines to answers, by way of one append.

A batch is decided in order, each line seeing what the lines before it will do, and appended in one statement. What
another writer got in between is decided anew, unless the line says which version it expects.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any
from zoneinfo import ZoneInfo

from msgspec import Struct
from msgspec.structs import replace

from ledger.domain import calendar as calendars
from ledger.domain import commands as cmd
from ledger.domain import plan as plans
from ledger.domain import task as tasks
from ledger.domain import unit as units
from ledger.domain.events import Actor, Event, EventData
from ledger.domain.rules import Known, Moment
from ledger.domain.task import Task
from ledger.domain.times import effective_text, local_day, microseconds, parse_instant
from ledger.errors import LedgerError, Refused, VersionConflict
from ledger.merkle.hashing import leaf_hash
from ledger.services.answers import Recorded, refusal, warnings
from ledger.services.clock import Clock
from ledger.services.command_line import CommandLine
from ledger.services.directory import Directory, evolved
from ledger.services.ids import derived_salt, derived_uuid7, new_salt, uuid7
from ledger.store.append import Answer, Append, IdempotencyKey
from ledger.store.entry import entry_bytes
from ledger.store.group_commit import GroupCommit
from ledger.store.log import Log
from ledger.store.standing import Stand, Standing
from ledger.store.tasks import TaskRepository
from ledger.store.texts import encode_with_texts

MAX_ROUNDS = 20
"""How often a batch is decided anew because of other writers, none of its lines being settled, before the conflict is
answered."""

Outcome = Recorded | LedgerError
"""What became of a line: recorded (now or before), or the error that says why not."""


class History(Struct, frozen=True):
    """That lines come from an older system's file: they carry `recorded_at`, and rest on the import event."""

    import_event: str
    sha256: str
    secret: bytes
    """What only those can work out who have the file; the salts of its texts follow from it."""


class Submission(Struct, frozen=True):
    """A line to handle: what was asked, and on whose word."""

    line: CommandLine
    command: cmd.AnyCommand
    subject: str | None = None
    history: History | None = None
    number: int = 0
    """The line's number in its file, from 1; it goes into the ids of history."""


class _Pending(Struct):
    """A line that is decided and waits to be appended."""

    index: int
    append: Append
    state: Task | None


class CommandHandler:
    """Takes commands for one ledger. Safe to use from many threads."""

    def __init__(
        self,
        log: Log,
        stand: Stand,
        repository: TaskRepository,
        directory: Directory,
        committer: GroupCommit,
        zone: ZoneInfo,
        clock: Clock,
    ) -> None:
        self._log = log
        self._stand = stand
        self._repository = repository
        self._directory = directory
        self._committer = committer
        self.zone = zone
        self.clock = clock

    def handle(self, submissions: Sequence[Submission]) -> list[Outcome]:
        """What became of each, in order; all that is answered as recorded is durable.

        One line that is refused harms no other. Raises `Busy` or `DatabaseUnavailable`, after which lines with
        idempotency keys can be sent again without being recorded twice.
        """
        outcomes: dict[int, Outcome] = {}
        keys = [submission.line.key() for submission in submissions]
        streams = {submission.line.stream for submission in submissions}
        standing = self._stand.of(list(streams), [key for key in keys if key is not None])
        waiting = self._replayed(submissions, keys, range(len(submissions)), standing, outcomes)
        repeated = self._repeated(waiting, keys)
        waiting = [index for index in waiting if index not in repeated]
        fruitless = 0
        while waiting and fruitless < MAX_ROUNDS:
            again = self._round(submissions, keys, waiting, standing, outcomes)
            fruitless = fruitless + 1 if again == waiting else 0
            waiting = again
            if waiting:
                standing = self._stand.of(list({submissions[index].line.stream for index in waiting}), ())
        for index, first in repeated.items():
            key, first_key = keys[index], keys[first]
            outcome = outcomes[first]
            if key is None or first_key is None or key.fingerprint != first_key.fingerprint:
                outcome = refusal("key_reused")
            outcomes[index] = replace(outcome, replayed=True) if isinstance(outcome, Recorded) else outcome
        return [outcomes[index] for index in range(len(submissions))]

    def _replayed(
        self,
        submissions: Sequence[Submission],
        keys: Sequence[IdempotencyKey | None],
        indices: Sequence[int],
        standing: Standing,
        outcomes: dict[int, Outcome],
    ) -> list[int]:
        """Answer those of the lines whose keys were used before; returns the indices of the others."""
        waiting, answered = [], {}
        for index in indices:
            key = keys[index]
            answer = standing.answers.get((key.unit, key.key)) if key else None
            if answer is None:
                waiting.append(index)
            else:
                answered[index] = answer
        leaves = self._leaves(answered.values())
        for index, answer in answered.items():
            outcomes[index] = self._outcome(submissions[index], answer, None, leaves)
        return waiting

    def _leaves(self, answers: Iterable[Answer]) -> dict[int, bytes]:
        """By position: the leaf hashes of what was recorded before and is now answered again."""
        positions = [each.position for each in answers if each.status == "replayed" and each.position is not None]
        return self._log.leaves(positions) if positions else {}

    @staticmethod
    def _repeated(waiting: Sequence[int], keys: Sequence[IdempotencyKey | None]) -> dict[int, int]:
        """By index: the earlier line of the same batch that carries the same key."""
        first: dict[tuple[str, str], int] = {}
        repeated = {}
        for index in waiting:
            key = keys[index]
            if key is not None and first.setdefault((key.unit, key.key), index) != index:
                repeated[index] = first[key.unit, key.key]
        return repeated

    def _round(
        self,
        submissions: Sequence[Submission],
        keys: Sequence[IdempotencyKey | None],
        waiting: Sequence[int],
        standing: Standing,
        outcomes: dict[int, Outcome],
    ) -> list[int]:
        """Decide and append the waiting lines once; returns those that must be decided anew."""
        now = self.clock()
        known = self._directory.known(standing.directory_end)
        codes = {s.line.aggregate[1] for s in map(submissions.__getitem__, waiting) if s.line.aggregate[0] == "task"}
        held = self._repository.get_many(codes, standing.versions)
        pending: list[_Pending] = []
        failed: list[int] = []
        for index in waiting:
            submission = submissions[index]
            try:
                entry, known = self._decide(submission, keys[index], held, known, now)
            except LedgerError as error:
                outcomes[index] = error
                failed.append(index)
            else:
                pending.append(_Pending(index, *entry))
        # What stands in the way may be the same command, sent twice at once and recorded since the keys were looked up.
        asked = [index for index in failed if keys[index] is not None]
        if asked:
            now_used = self._stand.of((), [key for key in map(keys.__getitem__, asked) if key is not None])
            self._replayed(submissions, keys, asked, now_used, outcomes)
        if not pending:
            return []
        again = []
        answers = self._append(pending)
        leaves = self._leaves(answer for answer, _ in answers)
        for item, (answer, was_put) in zip(pending, answers, strict=True):
            submission = submissions[item.index]
            outcome = self._outcome(submission, answer, item, leaves)
            outcomes[item.index] = outcome
            if answer.status == "recorded" and item.state is not None:
                self._repository.keep(item.state)
            if answer.status == "conflict" and (submission.line.expected_version is None or not was_put):
                again.append(item.index)
        return again

    def _append(self, pending: Sequence[_Pending]) -> list[tuple[Answer, bool]]:
        """The answer to each, and whether it was put to the log at all.

        A line of a stream rests on the lines of that stream before it, and must not be recorded without them, though
        another writer's records may make its version fit. So such batches are recorded whole; when that cannot be,
        only the first line of each stream is put (of history, which has an order, only the first of all), and the
        others conflict until that one is settled.
        """
        appends = [item.append for item in pending]
        firsts: dict[str, int] = {}
        for index, append in enumerate(appends):
            firsts.setdefault(append.stream, index)
        if len(firsts) == len(appends):
            return [(answer, True) for answer in self._committer.append(appends)]
        together = self._committer.append_together(appends)
        if together is not None:
            return [(answer, True) for answer in together]
        put = [0] if appends[0].history is not None else list(firsts.values())
        answers = dict(zip(put, self._committer.append([appends[index] for index in put]), strict=True))
        found = []
        for index, append in enumerate(appends):
            first = answers.get(firsts[append.stream])
            waiting = Answer("conflict", None, None, first.version if first else None, None)
            found.append((answers.get(index, waiting), index in answers))
        return found

    def _decide(
        self,
        submission: Submission,
        key: IdempotencyKey | None,
        held: dict[str, Task | None],
        known: Known,
        now: int,
    ) -> tuple[tuple[Append, Task | None], Known]:
        """The append that the line asks for, the task after it, and the directory after it; `held` is brought on.

        Raises `Refused` or `VersionConflict`.
        """
        line, command = submission.line, submission.command
        kind, code = line.aggregate
        recorded_at = self._recorded_at(submission)
        at = now if recorded_at is None else recorded_at
        today = local_day(at, self.zone)
        effective = effective_text(line.effective_at, self.zone) if line.effective_at else today.isoformat()
        moment = Moment(line.acting_unit, dt.date.fromisoformat(effective[:10]), today)
        state: Any = {"task": held, "unit": known.units, "plan": known.plans, "calendar": known.calendars}[kind].get(
            code
        )
        version = state.version if state is not None else 0
        if line.expected_version is not None and line.expected_version != version:
            raise VersionConflict(line.stream, line.expected_version, version)
        decided: tuple[EventData, ...] = _DECIDE[kind](state, code, command, moment, known)
        made = [
            encode_with_texts(event, _salts(submission.history, event.id))
            for offset, data in enumerate(decided, 1)
            for event in [self._event(submission, data, effective, at, version + offset)]
        ]
        # From here on nobody sees the texts any more: what follows the log knows their references.
        events = [event for event, _, _ in made]
        append = Append(
            line.stream,
            version,
            tuple(encoded for _, encoded, _ in made),
            key,
            recorded_at,
            tuple(texts for _, _, texts in made),
        )
        if kind != "task":
            return (append, None), evolved(known, events)
        task: Task | None = state
        for event in events:
            task = tasks.evolve(task, event, code)
        held[code] = task
        return (append, task), known

    def _recorded_at(self, submission: Submission) -> int | None:
        given = submission.line.recorded_at
        if submission.history is None:
            if given is not None:
                raise Refused(
                    "recorded_at_given", "recorded_at", "the ledger gives it; only an import with --history carries it"
                )
            return None
        instant = parse_instant(given) if given is not None else None
        if instant is None:
            raise Refused("bad_time", "recorded_at", f"{given!r} is not an instant with an offset (RFC 3339)")
        return microseconds(instant)

    def _event(self, submission: Submission, data: EventData, effective: str, at: int, version: int) -> Event:
        line, history = submission.line, submission.history
        if history is None:
            event_id = uuid7(at)
        else:
            event_id = derived_uuid7(at, history.sha256, str(submission.number), str(version))
        return Event(
            actor=Actor(line.acting_unit, submission.subject),
            causation=history.import_event if history else None,
            correlation=line.correlation,
            data=data,
            effective=effective,
            id=event_id,
            stream=line.stream,
            type=data.type_name,
            v=data.schema_version,
            version=version,
        )

    def _outcome(
        self, submission: Submission, answer: Answer, item: _Pending | None, leaves: Mapping[int, bytes]
    ) -> Outcome:
        """What the caller is told. A replay is told the same as the first time, word for word."""
        line = submission.line
        if answer.status == "refused":
            return refusal(answer.reason)
        if answer.position is None or answer.recorded_at is None or answer.version is None:
            expected = line.expected_version if line.expected_version is not None else -1
            if item is not None and line.expected_version is None:
                expected = item.append.expected
            return VersionConflict(line.stream, expected, answer.version or 0)
        found: tuple[str, ...] = ()
        if isinstance(submission.command, cmd.AcceptResult):
            code, versions = line.aggregate[1], {line.stream: answer.version}
            task = item.state if item is not None else self._repository.get_many([code], versions)[code]
            found = warnings(task, answer.version)
        if item is not None and answer.status == "recorded":
            leaf = leaf_hash(entry_bytes(item.append.events[0][1], answer.recorded_at))
        else:
            leaf = leaves[answer.position]
        return Recorded(
            stream=line.stream,
            version=answer.version,
            position=answer.position,
            recorded_at=answer.recorded_at,
            leaf=leaf.hex(),
            warnings=found,
            replayed=answer.status == "replayed",
        )


def _salts(history: History | None, event: str) -> Callable[[str], bytes]:
    if history is None:
        return lambda _: new_salt()
    secret = history.secret
    return lambda path: derived_salt(secret, event, path)


_DECIDE: dict[str, Any] = {
    "task": tasks.decide,
    "unit": units.decide,
    "plan": plans.decide,
    "calendar": calendars.decide,
}
