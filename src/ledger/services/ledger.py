"""One ledger, opened: the place where its parts are put together, for whichever door."""

from __future__ import annotations

from contextlib import ExitStack
from functools import cached_property
from types import TracebackType
from typing import Self
from zoneinfo import ZoneInfo

from ledger.domain.times import zone_of
from ledger.errors import SettingsError
from ledger.projections import PROJECTIONS
from ledger.projections.builds import ensure
from ledger.projections.runner import Runner
from ledger.services.clock import Clock, system_clock
from ledger.services.commands import CommandHandler
from ledger.services.directory import Directory
from ledger.services.importing import Importer
from ledger.services.queries import KeepUp, Queries
from ledger.settings import DEFAULT_TIME_ZONE, Settings
from ledger.store.database import Database
from ledger.store.group_commit import GroupCommit
from ledger.store.log import Log
from ledger.store.recorder import LedgerRecorder
from ledger.store.server import reach
from ledger.store.tasks import TaskRepository
from ledger.store.tiles import TileStore


class Ledger:
    """A context manager: inside it the ledger can be written to and read; after it, everything is given back."""

    def __init__(self, settings: Settings, *, clock: Clock = system_clock) -> None:
        """Open the ledger that the settings name: an embedded one is made and migrated when it is not there.

        Raises `DatabaseUnavailable`, `EmbeddedServerError`, `MigrationError` or `SettingsError`, saying what to do.
        """
        self.settings = settings
        self.clock = clock
        self._exit = ExitStack()
        try:
            conninfo = self._exit.enter_context(reach(settings))
            self.database = Database(conninfo, pool_size=settings.pool_size)
            self._exit.callback(self.database.close)
            self.log = Log(self.database)
            self.tiles = TileStore(self.database, self.log)
            self.zone = _zone(self.log, settings)
            self.committer = GroupCommit(self.database)
            self._exit.callback(self.committer.close)
            ensure(self.database, PROJECTIONS)
        except BaseException:
            self._exit.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Connections are closed, and an embedded server that nobody else uses is stopped."""
        self._exit.close()

    @cached_property
    def commands(self) -> CommandHandler:
        """The way in."""
        repository = TaskRepository(LedgerRecorder(self.database), self.log)
        return CommandHandler(self.log, repository, Directory(self.log), self.committer, self.zone, self.clock)

    @cached_property
    def importer(self) -> Importer:
        """The way in for files."""
        return Importer(self.commands, self.committer)

    def queries(self, keep_up: KeepUp | None = None) -> Queries:
        """The way out. By default a question first brings the read models up to the position that it is about."""
        return Queries(self.database, self.log, self.tiles, self.zone, self.clock, keep_up or self.keep_up)

    def keep_up(self, position: int) -> None:
        """The read models have followed the log up to `position`, and the tiles of its tree are stored."""
        self.runner.catch_up(position)
        self.tiles.fill(position)

    @cached_property
    def runner(self) -> Runner:
        """What keeps the read models in step; for one thread."""
        return Runner(self.database, self.log, PROJECTIONS)


def _zone(log: Log, settings: Settings) -> ZoneInfo:
    """The zone of the ledger's days: the one it was begun with, else the one set, else the default."""
    held = log.head().time_zone
    wanted = settings.time_zone or held or DEFAULT_TIME_ZONE
    zone = zone_of(wanted)
    if wanted != held:
        held = log.pin_time_zone(wanted)
    if wanted != held:
        raise SettingsError(
            f"LEDGER_TIME_ZONE is {wanted}, and this ledger was begun in {held}: its days cannot be moved. "
            "Unset the variable, or open another ledger"
        )
    return zone
