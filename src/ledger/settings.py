"""Configuration from the environment. docs/operations.md describes every setting; a test holds it to that."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import platformdirs
from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from ledger.errors import SettingsError

DEFAULT_TIME_ZONE = "Asia/Ho_Chi_Minh"
DEFAULT_CALENDAR = "VN"


class Settings(BaseSettings):
    """What `LEDGER_…` variables say; every one has a default that works on one machine."""

    model_config = SettingsConfigDict(env_prefix="LEDGER_", extra="ignore")

    database_url: str | None = Field(
        default=None, description="A PostgreSQL server of your own, 15 or later. Unset: the embedded server."
    )
    data_dir: Path = Field(
        default_factory=lambda: Path(platformdirs.user_data_dir("progress-ledger", appauthor=False)),
        description="Where the embedded server keeps its data.",
    )
    time_zone: str | None = Field(
        default=None,
        description="IANA name of the zone whose days are the ledger's days. It is fixed with the first event; "
        f"unset, a new ledger takes {DEFAULT_TIME_ZONE}.",
    )
    calendar: str | None = Field(
        default=None,
        pattern=r"^[A-Z]{2}(-[A-Z0-9]{1,3})?$",
        description="Country code (ISO 3166) of the calendar that says which days are worked. It is fixed with the "
        f"first event; unset, a new ledger takes {DEFAULT_CALENDAR}.",
    )
    language: Literal["en", "vi", "fr"] = Field(
        default="en",
        description="The language of what people read: English (en), Vietnamese (vi) or French (fr).",
    )
    key_file: Path | None = Field(
        default=None,
        description="The file of the key that signs the log; its last checkpoint is remembered in the same folder. "
        "Unset: signing/log.key in the data folder.",
    )
    origin: str | None = Field(
        default=None,
        description="The name of the log in its checkpoints, such as example.org/ledger. It is fixed with the key.",
    )
    witnesses: str | None = Field(
        default=None,
        description="The witnesses that are asked to cosign checkpoints: for each its vkey and its URL, in turn, "
        "separated by white space.",
    )
    pool_size: int = Field(default=8, ge=2, le=500, description="Database connections of one process, at most.")
    host: str = Field(default="127.0.0.1", description="The address on which `ledger serve` listens.")
    port: int = Field(default=8000, ge=0, le=65535, description="The port on which `ledger serve` listens.")


def load() -> Settings:
    """The settings of this environment; raises `SettingsError`, naming the variable, when one cannot be used."""
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors()[0]
        name = "LEDGER_" + "_".join(str(part) for part in first["loc"]).upper()
        raise SettingsError(f"{name}: {first['msg']} (it is {first['input']!r})") from error
