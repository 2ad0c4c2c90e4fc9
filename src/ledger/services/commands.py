"""Command handling: from lines to answers, by way of one append.

A line that comes alone is decided on what is at hand, and the append itself finds out whether that was as new as the
log: nearly always it was, and the line has waited once. What the append says no to, and what would be refused, is
decided on what the log holds now. A batch is decided on that from the start, in order, each line seeing what the lines
before it will do, and appended in one statement. What another writer got in between is decided anew, unless the line
says which version it expects.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from zoneinfo import ZoneInfo

from anyio import CapacityLimiter
from anyio.to_thread import run_sync
from msgspec import Struct
from msgspec.structs import replace

from ledger.domain import commands as cmd
from ledger.domain.task import Task
from ledger.errors import LedgerError, VersionConflict
from ledger.merkle.hashing import leaf_hash
from ledger.services.answers import Recorded, refusal, warnings
from ledger.services.clock import Clock
from ledger.services.deciding import Grounds, Submission
from ledger.services.directory import Directory
from ledger.services.turns import Turns
from ledger.store.append import Answer, Append, IdempotencyKey
from ledger.store.entry import entry_bytes
from ledger.store.group_commit import GroupCommit
from ledger.store.log import Log
from ledger.store.loop_commit import LoopCommit
from ledger.store.standing import Stand, Standing
from ledger.store.tasks import TaskRepository

MAX_ROUNDS = 20
"""How often a batch is decided anew because of other writers, none of its lines being settled, before the conflict is
answered."""

_DIRECTORY = "directory"
"""Stands for the streams of units, plans and calendars together; no stream has that name."""

Outcome = Recorded | LedgerError
"""What became of a line: recorded (now or before), or the error that says why not."""


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
        self._turns = Turns()
        self.zone = zone
        self.clock = clock

    @property
    def waiting(self) -> int:
        """How many single lines wait for others about the same unit, task, plan or calendar."""
        return self._turns.waiting

    def handle(self, submissions: Sequence[Submission]) -> list[Outcome]:
        """What became of each, in order; all that is answered as recorded is durable.

        One line that is refused harms no other. Raises `Busy` or `DatabaseUnavailable`, after which lines with
        idempotency keys can be sent again without being recorded twice.
        """
        if not submissions:
            return []
        if len(submissions) != 1:
            return self._handle(submissions, tried=False)
        (submission,) = submissions
        with self._turns.of_thread(submission.line.stream):
            item = self._decided_at_once(submission)
            if item is not None:
                (answer,) = self._committer.append([item.append])
                outcome = self._told_at_once(submission, item, answer)
                if outcome is not None:
                    return [outcome]
            return self._handle(submissions, tried=True)

    async def handled(self, submission: Submission, committer: LoopCommit, threads: CapacityLimiter) -> Outcome:
        """As `handle` for one line, for a task of the committer's event loop.

        It takes one of the `threads` only when the log has to be read.
        """
        async with self._turns.of_task(submission.line.stream):
            item = self._decided_at_once(submission)
            if item is not None:
                answer = await committer.append(item.append)
                if answer.status == "replayed":  # the hash of what was recorded before is read from the log
                    outcome = await run_sync(self._told_at_once, submission, item, answer, limiter=threads)
                else:
                    outcome = self._told_at_once(submission, item, answer)
                if outcome is not None:
                    return outcome
            (outcome,) = await run_sync(partial(self._handle, [submission], tried=True), limiter=threads)
            return outcome

    def _decided_at_once(self, submission: Submission) -> _Pending | None:
        """The line decided on what is at hand; None when it would be refused, as that may be older than the log.

        An append is recorded only if the stream and the directory stand as they did when it was decided, so whatever
        is recorded rests on the log as it is. A refusal may rest on what was overtaken, or stand before the first
        answer to the line's key: so there is none from here, but for those by the log itself.
        """
        line = submission.line
        kind, code = line.aggregate
        held = self._repository.get_many([code], {}) if kind == "task" else {}
        grounds = Grounds(held, *self._directory.known_until(0))
        try:
            return _Pending(0, *grounds.decide(submission, line.key(), self.clock(), self.zone))
        except LedgerError:
            return None

    def _told_at_once(self, submission: Submission, item: _Pending, answer: Answer) -> Outcome | None:
        """What became of a line that was decided on what is at hand; None when that was overtaken."""
        if _is_overtaken(answer, submission):
            return None
        return self._settled(submission, answer, item, self._leaves([answer]))

    def _handle(self, submissions: Sequence[Submission], *, tried: bool) -> list[Outcome]:
        outcomes: dict[int, Outcome] = {}
        keys = [submission.line.key() for submission in submissions]
        streams = {submission.line.stream for submission in submissions}
        standing = self._stand.of(list(streams), [key for key in keys if key is not None])
        waiting = self._replayed(submissions, keys, range(len(submissions)), standing, outcomes)
        repeated = self._repeated(waiting, keys)
        waiting = [index for index in waiting if index not in repeated]
        fruitless = int(tried)
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
        codes = {s.line.aggregate[1] for s in map(submissions.__getitem__, waiting) if s.line.aggregate[0] == "task"}
        held = self._repository.get_many(codes, standing.versions)
        grounds = Grounds(held, *self._directory.known_until(standing.directory_end))
        pending: list[_Pending] = []
        failed: dict[int, list[int]] = {}  # by index: the pending lines that the refusal may rest on
        last: dict[str, int] = {}  # by stream, those of the directory as one: the last pending line
        for index in waiting:
            line = submissions[index].line
            try:
                decided = grounds.decide(submissions[index], keys[index], now, self.zone)
            except LedgerError as error:
                outcomes[index] = error
                failed[index] = [last[name] for name in (line.stream, _DIRECTORY) if name in last]
            else:
                last[line.stream if line.aggregate[0] == "task" else _DIRECTORY] = len(pending)
                pending.append(_Pending(index, *decided))
        # What stands in the way may be the same command, sent twice at once and recorded since the keys were looked up.
        asked = [index for index in failed if keys[index] is not None]
        if asked:
            now_used = self._stand.of((), [key for key in map(keys.__getitem__, asked) if key is not None])
            left = self._replayed(submissions, keys, asked, now_used, outcomes)
            failed = {index: rests_on for index, rests_on in failed.items() if keys[index] is None or index in left}
        if not pending:
            return []
        again = []
        answers = self._append(pending)
        leaves = self._leaves(answer for answer, _ in answers)
        for item, (answer, was_put) in zip(pending, answers, strict=True):
            submission = submissions[item.index]
            outcomes[item.index] = self._settled(submission, answer, item, leaves)
            if _is_overtaken(answer, submission) or not was_put:
                again.append(item.index)
        # Nothing is refused because of what was not recorded.
        again += [
            index for index, rests_on in failed.items() if any(answers[at][0].status != "recorded" for at in rests_on)
        ]
        return sorted(again)

    def _settled(self, submission: Submission, answer: Answer, item: _Pending, leaves: Mapping[int, bytes]) -> Outcome:
        if answer.status == "recorded" and item.state is not None:
            self._repository.keep(item.state)
        return self._outcome(submission, answer, item, leaves)

    def _append(self, pending: Sequence[_Pending]) -> list[tuple[Answer, bool]]:
        """The answer to each, and whether it was put to the log at all.

        A line rests on the lines before it of its stream, and of units, plans and calendars, and must not be recorded
        without them, though another writer's records may make its version fit. So such batches are recorded whole; when
        that cannot be, only the first line of each stream is put, and none after one of the directory (of history,
        which has an order, only the first of all); the others conflict until those are settled.
        """
        appends = [item.append for item in pending]
        firsts: dict[str, int] = {}
        for index, append in enumerate(appends):
            firsts.setdefault(append.stream, index)
        if len(firsts) == len(appends) and all(append.directory is not None for append in appends):
            return [(answer, True) for answer in self._committer.append(appends)]
        together = self._committer.append_together(appends)
        if together is not None:
            return [(answer, True) for answer in together]
        put = [index for index in firsts.values() if appends[index].directory is not None]
        if appends[0].history is not None:
            put = put[:1]
        answers = dict(zip(put, self._committer.append([appends[index] for index in put]), strict=True))
        found = []
        for index, append in enumerate(appends):
            first = answers.get(firsts[append.stream])
            waiting = Answer("conflict", None, None, first.version if first else None, None)
            found.append((answers.get(index, waiting), index in answers))
        return found

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
            if item is not None and answer.status == "recorded":
                task = item.state
            else:
                task = self._repository.get_many([code], versions)[code]
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


def _is_overtaken(answer: Answer, submission: Submission) -> bool:
    """Another writer was quicker, and the line does not say that it is not to come after him."""
    return answer.status == "outdated" or (answer.status == "conflict" and submission.line.expected_version is None)
