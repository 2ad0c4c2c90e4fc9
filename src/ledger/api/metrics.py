"""`/metrics`: how the server and its ledger fare, in the text format of Prometheus."""

from __future__ import annotations

import time
from collections.abc import Iterator

from fastapi import APIRouter, Depends
from prometheus_client import CollectorRegistry, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ledger.api.parameters import none_at_all
from ledger.api.parts import Parts, parts_of
from ledger.errors import LedgerError, NotFound
from ledger.projections.builds import Standing
from ledger.services import read_models, sealing
from ledger.services.cosigning import together

router = APIRouter(tags=["health"])
_MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


@router.get("/metrics", dependencies=[Depends(none_at_all)])
def metrics(request: Request) -> Response:
    """The figures of this moment. Without its database the server still tells its own."""
    parts = parts_of(request)
    registry = CollectorRegistry()
    registry.register(_Standing(parts))
    body = generate_latest(registry) + generate_latest(request.app.state.requests.registry)
    return Response(body, media_type=_MEDIA_TYPE, headers={"Cache-Control": "no-store"})


class Requests:
    """Middleware that counts requests and how long they wait for the beginning of their answer, by route.

    Routes, and not paths, so that the number of series does not grow with the number of tasks.
    """

    def __init__(self, app: ASGIApp, seconds: Histogram) -> None:
        self._app = app
        self._seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()

        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                route = getattr(scope.get("route"), "path", "none")
                labels = (scope["method"], route, str(message["status"]))
                self._seconds.labels(*labels).observe(time.perf_counter() - began)
            await send(message)

        await self._app(scope, receive, sent)


class RequestFigures:
    """What `Requests` counts, for one server."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.seconds = Histogram(
            "ledger_http_request_seconds",
            "Seconds from a request to the beginning of its answer",
            ("method", "route", "status"),
            registry=self.registry,
            buckets=_BUCKETS,
        )


class _Standing:
    """Collects how the ledger stands, anew each time."""

    def __init__(self, parts: Parts) -> None:
        self._ledger = parts.ledger
        self._following = parts.following
        self._committers = (parts.ledger.committer, parts.committer)

    def collect(self) -> Iterator[Metric]:
        """Every figure; those that the database knows only when it answers."""
        yield _gauge("ledger_following", "Whether the read models are being followed", self._following.is_alive)
        waiting = sum(each.waiting for each in self._committers)
        yield _gauge("ledger_appends_waiting", "Appends that wait for a commit", waiting)
        turned_away = sum(each.turned_away for each in self._committers)
        yield CounterMetricFamily("ledger_appends_busy", "Appends turned away, as too many waited", float(turned_away))
        yield _gauge("ledger_listeners", "Streams of events that are open", self._following.listeners)
        try:
            found = [*self._log(), *self._read_models(read_models.standings(self._ledger))]
        except LedgerError:
            yield _gauge("ledger_database_up", "Whether the database answers", value=False)
            return
        yield _gauge("ledger_database_up", "Whether the database answers", value=True)
        yield from found

    def _log(self) -> Iterator[Metric]:
        log = self._ledger.log
        size = log.head().next_position
        yield _gauge("ledger_log_events", "Events in the log", size)
        try:
            sealed = sealing.published(self._ledger).checkpoint.size
        except NotFound:
            return  # nothing is sealed
        yield _gauge("ledger_checkpoint_events", "Events that the last checkpoint is over", sealed)
        waiting = log.records(sealed, sealed + 1)
        age = max(self._ledger.clock() - waiting[0].recorded_at, 0) / 1e6 if waiting else 0.0
        yield _gauge("ledger_checkpoint_lag_seconds", "How long ago the first event beyond it was recorded", age)
        witnessed = GaugeMetricFamily("ledger_witness_events", "Events that it has cosigned", labels=("witness",))
        for each in together.standings(self._ledger):
            witnessed.add_metric((each.name,), each.size)
        yield witnessed

    def _read_models(self, standings: list[Standing]) -> Iterator[Metric]:
        labels = ("read_model", "build", "status")
        events = GaugeMetricFamily(
            "ledger_read_model_lag_events", "Events that a build has not followed", labels=labels
        )
        seconds = GaugeMetricFamily(
            "ledger_read_model_lag_seconds", "How long ago the first of them was recorded", labels=labels
        )
        parked = GaugeMetricFamily("ledger_read_model_parked_streams", "Streams that a build gave up on", labels=labels)
        for each in standings:
            build = each.build
            key = (build.projection, str(build.build), "filling" if build.fill is not None else build.status)
            events.add_metric(key, each.behind)
            seconds.add_metric(key, read_models.lag_seconds(self._ledger, each))
            parked.add_metric(key, each.parked)
        yield from (events, seconds, parked)


def _gauge(name: str, what: str, value: float) -> Metric:
    return GaugeMetricFamily(name, what, value=float(value))
