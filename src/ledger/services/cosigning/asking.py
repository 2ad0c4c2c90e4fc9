"""One question to one witness: whether it stands for a checkpoint (C2SP tlog-witness, "add-checkpoint")."""

from __future__ import annotations

import re
import time
from http import HTTPStatus
from typing import TYPE_CHECKING

from ledger.errors import WitnessDisagrees, WitnessError
from ledger.merkle import add_checkpoint, checkpoints, cosignatures, notes
from ledger.merkle.add_checkpoint import AddCheckpoint
from ledger.merkle.checkpoints import Checkpoint
from ledger.merkle.cosignatures import Cosignature
from ledger.merkle.notes import Note, NoteError
from ledger.services.cosigning.configured import Witness
from ledger.services.ledger import Ledger
from ledger.services.sealing import Sealed
from ledger.store.checkpoints import CheckpointStore

if TYPE_CHECKING:
    import httpx2

ANSWER_SECONDS = 10.0
"""A witness that takes longer is asked again later."""
_STEP_SECONDS = 5.0
"""How long a connection, or the next part of an answer, is waited for."""
_MAX_ANSWER_BYTES = 64 * 1024
_ATTEMPTS = 3
"""The first with what we know of the witness; another when it knows better, and one for somebody who asked between."""
_SIZE = re.compile(rb"(0|[1-9][0-9]{0,18})\n")


def client() -> httpx2.Client:
    """What witnesses are asked with; to be closed. It follows no redirect: a witness is where it was said to be."""
    # Only here: most commands ask nobody, and need not wait for the library.
    import httpx2  # noqa: PLC0415  # see above

    timeout = httpx2.Timeout(_STEP_SECONDS)
    return httpx2.Client(timeout=timeout, follow_redirects=False, headers={"User-Agent": "progress-ledger"})


class Asking:
    """Asks witnesses about the checkpoints of one ledger, and keeps what they say. Safe to use from several threads."""

    def __init__(self, ledger: Ledger, http: httpx2.Client) -> None:
        self._log = ledger.log
        self._tiles = ledger.tiles
        self._published = CheckpointStore(ledger.database)
        self._http = http

    def ask(self, witness: Witness, sealed: Sealed) -> Cosignature | None:
        """The witness's cosignature, which was verified, is stored under that published checkpoint.

        None when it has cosigned a later one already, which the log holds too. Raises `WitnessError` when there is no
        usable answer, and `WitnessDisagrees` when the witness says that it has seen another history.
        """
        checkpoint, note = sealed.checkpoint, notes.parse(sealed.note)
        before = self._published.cosigned(witness.name, witness.key.id)
        old = min(before.size, checkpoint.size) if before else 0
        deadline = time.monotonic() + ANSWER_SECONDS
        for _ in range(_ATTEMPTS):
            # Between equal sizes, and from the empty tree on, there is nothing to prove.
            hashes = self._tiles.consistency(old, checkpoint.size).hashes if 0 < old < checkpoint.size else ()
            request = AddCheckpoint(old, hashes, sealed.note)
            status, body = self._post(witness, bytes(request), deadline)
            if status == HTTPStatus.OK:
                cosignature = self._cosignature(witness, note, body)
                self._published.cosign(checkpoint.size, witness.name, witness.key.id, cosignature.line)
                return cosignature
            if status != HTTPStatus.CONFLICT:
                raise _refusal(witness, status, checkpoint, old)
            held = self._held(witness, body)
            if held == checkpoint.size == old:  # so it is the root that it does not agree with
                raise WitnessDisagrees(witness.name, f"it has cosigned another root over {held:,} entries")
            if held > checkpoint.size:
                entries = self._log.head().next_position
                if held > entries:
                    raise WitnessDisagrees(witness.name, f"it has cosigned {held:,} entries, and there are {entries:,}")
                return None
            old = held
        raise WitnessError(witness.name, "others ask it about this log at the same time")

    def _post(self, witness: Witness, body: bytes, deadline: float) -> tuple[int, bytes]:
        import httpx2  # noqa: PLC0415  # as in `client`

        content, url = b"", f"{witness.url}/add-checkpoint"
        try:
            with self._http.stream("POST", url, content=body, headers={"Content-Type": "text/plain"}) as answer:
                for part in answer.iter_bytes():
                    content += part
                    if len(content) > _MAX_ANSWER_BYTES:
                        raise WitnessError(witness.name, f"its answer has more than {_MAX_ANSWER_BYTES:,} bytes")
                    if time.monotonic() > deadline:
                        raise WitnessError(witness.name, f"it has not answered in {ANSWER_SECONDS:g} s")
                return answer.status_code, content
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            reason = str(error) or type(error).__name__
            raise WitnessError(witness.name, f"{url} does not answer: {reason}") from error

    @staticmethod
    def _cosignature(witness: Witness, note: Note, body: bytes) -> Cosignature:
        """The witness's own line among those that it answered, over this text; lines of other keys are passed over."""
        try:
            found = cosignatures.of(Note(note.text, notes.parse_lines(body.decode())), [witness.key])
        except (NoteError, UnicodeDecodeError) as error:
            raise WitnessError(witness.name, f"its answer is no cosignature: {error}") from error
        if not found:
            raise WitnessError(witness.name, f"it has cosigned with another key than {witness.key.vkey}")
        return found[0]

    @staticmethod
    def _held(witness: Witness, body: bytes) -> int:
        match = _SIZE.fullmatch(body)
        if match is None or int(match[1]) > checkpoints.MAX_SIZE:
            reason = f"it answers 409 without the size that it holds ({add_checkpoint.SIZE_MEDIA_TYPE})"
            raise WitnessError(witness.name, reason)
        return int(match[1])


def _refusal(witness: Witness, status: int, checkpoint: Checkpoint, old: int) -> Exception:
    match status:
        case HTTPStatus.NOT_FOUND:
            return WitnessError(witness.name, f"it does not know the log {checkpoint.origin}: give it the log's vkey")
        case HTTPStatus.FORBIDDEN:
            return WitnessError(witness.name, "it knows none of the keys that sign the log: give it their vkeys")
        case HTTPStatus.UNPROCESSABLE_ENTITY:
            reason = f"the {old:,} entries that it has cosigned are not those with which the log begins"
            return WitnessDisagrees(witness.name, reason)
        case _:
            return WitnessError(witness.name, f"it answers {status}")
