"""Witnesses and other servers on the loopback interface."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response
from tests.support.serving import served

from ledger.api.witness import create_witness_app
from ledger.merkle.cosignatures import WitnessKey
from ledger.services.cosigning.configured import Witness
from ledger.services.witness.deciding import witness
from ledger.services.witness.folder import WitnessFolder

NOW = 1_700_000_000


@contextmanager
def a_witness(folder: Path, name: str, *vkeys: str) -> Iterator[Witness]:
    """A witness of ours that accepts these logs, made when it is not there, and served while the context lasts."""
    held = WitnessFolder(folder)
    if not (folder / "witness.key").exists():
        held.create(name, vkeys)
    with witness(folder, lambda: NOW) as answering, served(create_witness_app(answering)) as url:
        yield Witness(held.signer().verifier, url)


@contextmanager
def a_liar(key: WitnessKey, answer: Callable[[bytes], Response]) -> Iterator[Witness]:
    """Whatever is posted is answered so."""
    app = FastAPI(openapi_url=None)

    @app.post("/prefix/add-checkpoint")
    async def add_checkpoint(request: Request) -> Response:
        return answer(await request.body())

    with served(app) as url:
        yield Witness(key, f"{url}/prefix")


def setting(*witnesses: Witness) -> str:
    """LEDGER_WITNESSES for these."""
    return " ".join(f"{each.key.vkey} {each.url}" for each in witnesses)
