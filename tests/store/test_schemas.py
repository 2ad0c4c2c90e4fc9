"""The published schemas hold for every entry that was ever written, and for nothing else."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest
from tests.store.test_entry import golden

from ledger.domain.events import EVENT_TYPES
from ledger.domain.texts import PREFIX
from ledger.errors import NotFound
from ledger.store import schemas

ENTRIES = [(line["entry"]["event"]["type"], line["entry"]["event"]["v"], line["entry"]) for line in golden()]


def validator(name: str, v: int) -> jsonschema.Draft202012Validator:
    schema = schemas.entry_schema(name, v)
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def test_there_is_one_for_every_type_and_version() -> None:
    assert {name for name, _ in schemas.versions()} == set(EVENT_TYPES)
    for name, v in schemas.versions():
        assert validator(name, v).schema["$id"] == f"/v1/schemas/{name}/v{v}"


@pytest.mark.parametrize(("name", "v", "entry"), ENTRIES)
def test_it_takes_the_entries_that_were_written(name: str, v: int, entry: dict[str, Any]) -> None:
    validator(name, v).validate(entry)


@pytest.mark.parametrize(("name", "v", "entry"), ENTRIES)
def test_it_takes_no_others(name: str, v: int, entry: dict[str, Any]) -> None:
    valid = validator(name, v)
    for changed in _spoilt(entry):
        assert not valid.is_valid(changed), changed


def _spoilt(entry: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A field missing, one too many, and texts that stand there themselves."""
    for field in entry["event"]:
        changed = copy.deepcopy(entry)
        del changed["event"][field]
        yield changed
    for field in entry["event"]["data"]:
        changed = copy.deepcopy(entry)
        del changed["event"]["data"][field]
        yield changed
        if str(entry["event"]["data"][field]).startswith(PREFIX):
            changed = copy.deepcopy(entry)
            changed["event"]["data"][field] = "a text"
            yield changed
    yield copy.deepcopy(entry) | {"more": 1}


@pytest.mark.parametrize(("name", "v"), [("task.assigned", 0), ("task.assigned", 2), ("task.unheard-of", 1), ("", 1)])
def test_what_was_never_written_has_none(name: str, v: int) -> None:
    with pytest.raises(NotFound):
        schemas.entry_schema(name, v)
