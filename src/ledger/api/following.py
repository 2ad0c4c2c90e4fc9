"""Keeping up with the log while the server runs: read models follow it, tiles are filled, whoever waits is woken."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from ledger.errors import Lagging
from ledger.merkle.tiles import TILE_WIDTH
from ledger.projections.builds import Build, builds_in_use
from ledger.projections.follower import Follower
from ledger.projections.runner import Progress, Runner
from ledger.services.ledger import Ledger

PATIENCE_SECONDS = 10.0
"""How long a question waits for the read models."""
_LOOK_SECONDS = 0.5


class Following:
    """One follower a server, with a runner of its own. Safe to use from many threads."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._follower = Follower(ledger.database, _TellingRunner(ledger, self._head_seen, self._caught_up))
        self._news = threading.Condition()
        self._head = 0
        self._followed = 0
        self._listeners: set[Callable[[], object]] = set()

    def start(self) -> None:
        """The log is followed from now on."""
        self._follower.start()

    def stop(self) -> None:
        """It is no longer; the batch under way is finished first."""
        self._follower.stop()

    @property
    def is_alive(self) -> bool:
        """The follower runs."""
        return self._follower.is_alive

    @property
    def followed(self) -> int:
        """How many records all read models have followed, as far as this server has seen."""
        return self._followed

    def keep_up(self, position: int) -> None:
        """The read models have followed the log up to `position`, at the price of a look at a number when they have.

        Raises `Lagging` when they do not get there in `PATIENCE_SECONDS`.
        """
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not self._waited_for(position):
            # Another process may have brought them there, or a long batch may be past the position already.
            slowest = self._slowest()
            if slowest.position >= position:
                return
            if time.monotonic() > deadline:
                raise Lagging(slowest.projection, slowest.position, position)

    @property
    def listeners(self) -> int:
        """How many are listening."""
        return len(self._listeners)

    @contextmanager
    def listening(self, wake: Callable[[], object]) -> Iterator[None]:
        """Inside the context `wake` is called, from another thread, whenever the log has grown."""
        with self._news:
            self._listeners.add(wake)
        try:
            yield
        finally:
            with self._news:
                self._listeners.discard(wake)

    def _waited_for(self, position: int) -> bool:
        if self._followed >= position:
            return True
        with self._news:
            return self._news.wait_for(lambda: self._followed >= position, _LOOK_SECONDS)

    def _slowest(self) -> Build:
        with self._ledger.database.connection() as connection:
            builds = builds_in_use(connection, self._ledger.projections)
        return min(builds.values(), key=lambda build: build.position)

    def _head_seen(self, position: int) -> None:
        with self._news:
            grown, self._head = position > self._head, position
            if grown:
                for wake in self._listeners:
                    wake()

    def _caught_up(self, position: int) -> None:
        with self._news:
            self._followed = max(self._followed, position)
            self._news.notify_all()


class _TellingRunner(Runner):
    """A runner that says where the log's head is, then how far it has come, and then fills the tiles up to there."""

    def __init__(self, ledger: Ledger, head_seen: Callable[[int], None], caught_up: Callable[[int], None]) -> None:
        super().__init__(ledger.database, ledger.log, ledger.projections)
        self._tiles = ledger.tiles
        self._full_tiles = -1
        self._head_seen = head_seen
        self._caught_up = caught_up

    def catch_up(
        self, stop: int | None = None, progress: Progress | None = None, only: Sequence[Build] | None = None
    ) -> int:
        """Every build that follows has read the log up to `stop` (its head by default); returns that position."""
        if stop is None:
            stop = self._log.head().next_position
        self._head_seen(stop)
        reached = super().catch_up(stop, progress, only)
        self._caught_up(reached)
        if reached // TILE_WIDTH > self._full_tiles:
            self._tiles.fill(reached)
            self._full_tiles = reached // TILE_WIDTH
        return reached
