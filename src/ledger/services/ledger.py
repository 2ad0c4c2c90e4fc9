"""One ledger, opened: the place where its parts are put together, for whichever door."""

from __future__ import annotations

from contextlib import ExitStack
from functools import cached_property
from types import TracebackType
from typing import Self
from zoneinfo import ZoneInfo

from ledger.domain.calendar import working_days
from ledger.domain.times import zone_of
from ledger.errors import NotFound, SettingsError
from ledger.projections import all_projections
from ledger.projections.builds import ensure
from ledger.projections.runner import Runner
from ledger.services.clock import Clock, system_clock
from ledger.services.commands import CommandHandler
from ledger.services.directory import Directory
from ledger.services.importing import Importer
from ledger.services.queries import KeepUp, Queries
from ledger.settings import DEFAULT_CALENDAR, DEFAULT_TIME_ZONE, Settings
from ledger.store.database import Database
from ledger.store.group_commit import GroupCommit
from ledger.store.locale import Locale
from ledger.store.log import Log
from ledger.store.loop_commit import LoopCommit
from ledger.store.recorder import LedgerRecorder
from ledger.store.server import reach
from ledger.store.standing import Stand
from ledger.store.tasks import TaskRepository
from ledger.store.texts import TextStore
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
            self.tiles = TileStore(self.database)
            self.texts = TextStore(self.database)
            self.locale = _locale(self.log, settings)
            self.zone = zone_of(self.locale.time_zone)
            self.committer = GroupCommit(self.database)
            self._exit.callback(self.committer.close)
            self.stand = Stand(self.database)
            self._exit.callback(self.stand.close)
            self.projections = all_projections(self.zone)
            ensure(self.database, self.projections)
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
        return CommandHandler(self.log, self.stand, repository, self.directory, self.committer, self.zone, self.clock)

    def loop_commit(self, max_waiting: int) -> LoopCommit:
        """A way in for so many tasks of the event loop in which this is called; whoever calls it closes it."""
        return LoopCommit(self.database, max_waiting)

    @cached_property
    def directory(self) -> Directory:
        """The units, plans and calendars."""
        return Directory(self.log, self.locale.calendar)

    @cached_property
    def importer(self) -> Importer:
        """The way in for files."""
        return Importer(self.log, self.commands, self.committer)

    def take_locale(self, locale: Locale) -> None:
        """This ledger, in which nothing is recorded yet, counts its days as the one that is put back into it did.

        Raises `SettingsError` when it was told, or begun, to count otherwise, and for days that nobody can count.
        """
        for variable, is_set, given in (
            ("LEDGER_TIME_ZONE", self.settings.time_zone, locale.time_zone),
            ("LEDGER_CALENDAR", self.settings.calendar, locale.calendar),
        ):
            if is_set not in (None, given):
                raise SettingsError(f"{variable} is {is_set}, and the ledger to be put back has {given}: unset it")
        self.zone = _checked(locale)
        self.locale = self.log.pin_locale(locale)
        if self.locale != locale:
            raise SettingsError(
                f"this ledger was begun with {self.locale.time_zone} and {self.locale.calendar}, and the one to be put "
                f"back with {locale.time_zone} and {locale.calendar}"
            )
        self.projections = all_projections(self.zone)

    def queries(self, keep_up: KeepUp | None = None) -> Queries:
        """The way out. By default a question first brings the read models up to the position that it is about."""
        return Queries(
            self.database, self.log, self.tiles, self.locale, self.projections, self.clock, keep_up or self.keep_up
        )

    def keep_up(self, position: int) -> None:
        """The read models have followed the log up to `position`, and the tiles of its tree are stored."""
        self.runner.catch_up(position)
        self.tiles.fill(position)

    @cached_property
    def runner(self) -> Runner:
        """What keeps the read models in step; for one thread."""
        return Runner(self.database, self.log, self.projections)


def _locale(log: Log, settings: Settings) -> Locale:
    """What the ledger's days are: as it was begun, else as set, else the defaults. Raises `SettingsError`."""
    held = log.locale()
    wanted = Locale(
        settings.time_zone or (held.time_zone if held else DEFAULT_TIME_ZONE),
        settings.calendar or (held.calendar if held else DEFAULT_CALENDAR),
    )
    _checked(wanted)
    if held is None:
        held = log.pin_locale(wanted)
    for variable, is_set, is_held in (
        ("LEDGER_TIME_ZONE", wanted.time_zone, held.time_zone),
        ("LEDGER_CALENDAR", wanted.calendar, held.calendar),
    ):
        if is_set != is_held:
            raise SettingsError(
                f"{variable} is {is_set}, and this ledger was begun with {is_held}: its days cannot be moved. "
                "Unset the variable, or open another ledger"
            )
    return held


def _checked(locale: Locale) -> ZoneInfo:
    """The zone, of a locale by which days can be counted. Raises `SettingsError`."""
    zone = zone_of(locale.time_zone)
    try:
        working_days(locale.calendar, None)
    except NotFound as error:
        raise SettingsError(f"LEDGER_CALENDAR: {error}; set a country's code (ISO 3166), such as VN") from error
    return zone
