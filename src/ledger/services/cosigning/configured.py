"""Which witnesses this ledger asks."""

from __future__ import annotations

from urllib.parse import urlsplit

from msgspec import Struct

from ledger.errors import SettingsError
from ledger.merkle.cosignatures import WitnessKey, parse_witness_vkey
from ledger.merkle.note_keys import KeyTextError
from ledger.settings import Settings


class Witness(Struct, frozen=True):
    """A witness, and where it is asked."""

    key: WitnessKey
    url: str
    """Its submission prefix, without a slash at the end."""

    @property
    def name(self) -> str:
        """What it is called in cosignatures."""
        return self.key.name


def configured(settings: Settings) -> tuple[Witness, ...]:
    """The witnesses in LEDGER_WITNESSES, in its order. Raises `SettingsError` for what is not vkey and URL in turn."""
    words = (settings.witnesses or "").split()
    if len(words) % 2:
        raise SettingsError("LEDGER_WITNESSES: give each witness by its vkey and its URL, in turn")
    found: dict[WitnessKey, Witness] = {}
    for vkey, url in zip(words[::2], words[1::2], strict=True):
        try:
            key = parse_witness_vkey(vkey)
            parts = urlsplit(url)
            is_url = parts.scheme in ("http", "https") and parts.hostname and not parts.query and not parts.fragment
        except (KeyTextError, ValueError) as error:
            raise SettingsError(f"LEDGER_WITNESSES: {error}") from error
        if not is_url:
            raise SettingsError(
                f"LEDGER_WITNESSES: {url!r} is not the URL of a witness, such as https://example.org/w1"
            )
        if key in found:
            raise SettingsError(f"LEDGER_WITNESSES: {key.vkey} is there twice")
        found[key] = Witness(key, url.rstrip("/"))
    return tuple(found.values())
