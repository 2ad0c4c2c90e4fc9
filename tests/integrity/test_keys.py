"""The log's key: made once, readable by nobody else, and bound to the log's name."""

from __future__ import annotations

from pathlib import Path

import pytest

from ledger.errors import NoKey, SettingsError
from ledger.merkle.note_keys import parse_skey, parse_vkey
from ledger.services import keys
from ledger.services.keys import KeyRing
from ledger.settings import Settings


def settings(folder: Path, **more: object) -> Settings:
    return Settings(**({"data_dir": folder / "data"} | more))


def test_a_key_is_made_once_and_found_again(tmp_path: Path) -> None:
    with pytest.raises(NoKey, match="ledger keys new"):
        keys.load(settings(tmp_path))
    assert keys.load_if_any(settings(tmp_path)) is None
    made = keys.create(settings(tmp_path), "example.org/ledger")
    assert made.name == "example.org/ledger"
    assert keys.load(settings(tmp_path)) == KeyRing((made,))
    with pytest.raises(SettingsError, match="not replaced"):
        keys.create(settings(tmp_path))
    assert keys.load(settings(tmp_path)) == KeyRing((made,))
    assert [file.name for file in keys.key_file(settings(tmp_path)).parent.iterdir()] == ["log.key"]


def test_only_its_owner_can_read_it(tmp_path: Path) -> None:
    keys.create(settings(tmp_path))
    path = keys.key_file(settings(tmp_path))
    assert path.stat().st_mode & 0o777 == 0o600
    path.chmod(0o640)
    with pytest.raises(SettingsError, match="chmod 600"):
        keys.load(settings(tmp_path))


def test_it_lies_where_it_is_told_and_is_one_line_that_other_tools_read(tmp_path: Path) -> None:
    elsewhere = settings(tmp_path, key_file=tmp_path / "elsewhere" / "key")
    made = keys.create(elsewhere)
    assert parse_skey((tmp_path / "elsewhere" / "key").read_text().removesuffix("\n")) == made


def test_a_log_without_a_name_gets_one_that_no_other_has(tmp_path: Path) -> None:
    one = keys.create(settings(tmp_path / "1"))
    other = keys.create(settings(tmp_path / "2"))
    assert one.name.startswith("progress-ledger/")
    assert one.name != other.name
    assert keys.trusted([f" {one.verifier.vkey}\n"]) == [parse_vkey(one.verifier.vkey)]


def test_the_name_is_fixed_with_the_key(tmp_path: Path) -> None:
    keys.create(settings(tmp_path, origin="example.org/a"))
    assert keys.load(settings(tmp_path, origin="example.org/a")).origin == "example.org/a"
    with pytest.raises(SettingsError, match=r"LEDGER_ORIGIN is example\.org/b"):
        keys.load(settings(tmp_path, origin="example.org/b"))
    with pytest.raises(SettingsError, match="LEDGER_ORIGIN"):
        keys.create(settings(tmp_path / "other", origin="two words"))


@pytest.mark.parametrize("content", ["", "\n", "secret", "PRIVATE+KEY+a+00000000+AAAA"])
def test_a_file_that_is_no_key_is_refused_without_showing_it(tmp_path: Path, content: str) -> None:
    keys.create(settings(tmp_path))
    keys.key_file(settings(tmp_path)).write_text(content)
    with pytest.raises(SettingsError) as caught:
        keys.load(settings(tmp_path))
    assert content.strip() == "" or content not in str(caught.value)


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("in the way")
    with pytest.raises(SettingsError, match="LEDGER_KEY_FILE"):
        keys.create(settings(tmp_path))
