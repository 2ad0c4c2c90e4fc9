"""Errors as problem documents (RFC 9457): one table says which error is which problem."""

from __future__ import annotations

import math
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from msgspec import Struct
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Match

from ledger.api.json_response import Json
from ledger.errors import (
    BadQuery,
    Busy,
    DatabaseUnavailable,
    Lagging,
    LedgerError,
    MigrationError,
    NotFound,
    Outdated,
    Refused,
    VersionConflict,
)
from ledger.services.answers import outcome_json

MEDIA_TYPE = "application/problem+json"
RETRY_SECONDS = 1
_METHODS = ("DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT")


class Kind(Struct, frozen=True):
    """What problems of one type have in common."""

    name: str
    """The last part of the type's URN; it is stable."""
    status: int
    title: str
    retry: bool = False
    """The same request may well succeed a little later."""


KINDS: dict[type[LedgerError], Kind] = {
    Refused: Kind("refused", 422, "The command is refused"),
    VersionConflict: Kind("conflict", 409, "The stream is at another version"),
    NotFound: Kind("not-found", 404, "There is nothing under that name"),
    BadQuery: Kind("bad-query", 400, "The question cannot be answered as it is put"),
    Busy: Kind("busy", 503, "Too many commands are waiting", retry=True),
    DatabaseUnavailable: Kind("database-unavailable", 503, "The database does not answer", retry=True),
    Lagging: Kind("lagging", 503, "A read model has not caught up yet", retry=True),
    Outdated: Kind("outdated", 503, "A read model must be rebuilt"),
    MigrationError: Kind("migration", 503, "The database's schema is not current"),
    LedgerError: Kind("internal", 500, "The ledger cannot answer"),
}
_MALFORMED = Kind("malformed", 400, "The body is not JSON")


def problem(kind: Kind, members: dict[str, Any], headers: dict[str, str] | None = None) -> Response:
    """The problem document of that kind; `members` holds its `detail`, and the data that it comes with."""
    body = {"type": f"urn:progress-ledger:problem:{kind.name}", "title": kind.title, "status": kind.status}
    return Json(body | members, kind.status, headers, MEDIA_TYPE)


def problem_of(error: LedgerError) -> Response:
    """The problem document that tells of the error, with the error's data as members."""
    kind = next(KINDS[cls] for cls in type(error).__mro__ if cls in KINDS)
    headers = {"Retry-After": str(RETRY_SECONDS)} if kind.retry else None
    members: dict[str, Any] = outcome_json(error)
    match error:
        case Refused(code="malformed_json"):
            kind = _MALFORMED
        case NotFound():
            members |= {"kind": error.kind}
        case BadQuery():
            members = {"detail": error.reason, "parameter": error.field}
        case Busy():
            headers = {"Retry-After": str(math.ceil(error.retry_after))}
        case Lagging():
            members |= {"projection": error.projection, "tracked": error.tracked, "wanted": error.wanted}
    return problem(kind, members, headers)


def install(app: FastAPI) -> None:
    """Whatever goes wrong in the application is answered by a problem document."""
    app.add_exception_handler(LedgerError, _ledger_error)
    app.add_exception_handler(RequestValidationError, _bad_parameter)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(ClientDisconnect, _gone)
    app.add_exception_handler(Exception, _unexpected)


def plain(status: int, detail: str, headers: dict[str, str] | None = None) -> Response:
    """The problem document that says no more than the HTTP status does."""
    phrase = HTTPStatus(status).phrase
    body = {"type": "about:blank", "title": phrase, "status": status, "detail": detail or phrase}
    return Json(body, status, headers, MEDIA_TYPE)


def _ledger_error(_: Request, error: Exception) -> Response:
    return problem_of(error) if isinstance(error, LedgerError) else plain(500, "")


def _bad_parameter(_: Request, error: Exception) -> Response:
    """The first parameter that is wrong, named; FastAPI's own 422 is for bodies, which it does not see here."""
    if not isinstance(error, RequestValidationError):
        return plain(500, "")
    first = error.errors()[0]
    reason = "there is no such parameter" if first["type"] == "extra_forbidden" else str(first["msg"])
    return problem_of(BadQuery(".".join(map(str, first["loc"][1:])), reason))


def _http_error(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        return plain(500, "")
    headers = dict(error.headers or {})
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        # The framework names the methods of the first route that has the path, and there may be several.
        headers["Allow"] = ", ".join(_allowed(request))
    return plain(error.status_code, error.detail, headers)


def _allowed(request: Request) -> list[str]:
    routes = request.app.router.routes
    scopes = ({**request.scope, "method": method, "path_params": {}} for method in _METHODS)
    return [scope["method"] for scope in scopes if any(route.matches(scope)[0] is Match.FULL for route in routes)]


def _gone(_: Request, __: Exception) -> Response:
    """Nobody reads this answer: the client went away while it was sending."""
    return plain(400, "the body ended early")


def _unexpected(_: Request, __: Exception) -> Response:
    """What went wrong is in the server's log (the error is raised on), and no business of the client's."""
    return plain(500, "something went wrong in the server, and is in its log")
