"""A file's lines as units: a table with headings, a flat list in JSON, or provinces with their wards."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, cast

import msgspec
from msgspec import Struct

from ledger.errors import BadFile
from ledger.services.plan_files.findings import Finding
from ledger.services.plan_files.folding import tidy
from ledger.services.plan_files.headings import SEARCHED_ROWS, Columns, find_columns, word_value
from ledger.services.plan_files.raw import Cell
from ledger.services.plan_files.reading import MAX_ROWS, read_bytes, read_sheets
from ledger.services.plan_files.table_rows import table_rows

UnitKind = Literal["internal", "external"]
_NAMES = ("FullName", "full_name", "Name", "name")


class UnitLine(Struct, frozen=True):
    """A unit as a file has it."""

    sheet: str | None
    row: int
    """In JSON: which unit of the file it is, from 1."""
    code: str
    name: str
    kind: UnitKind | None
    parent: str | None
    says_parent: bool
    """Whether the file says anything of parents: a blank then means the top of the tree."""


def read_units(path: Path) -> tuple[str, tuple[UnitLine, ...], list[Finding]]:
    """(name, lines, findings) of an .xlsx, .csv or .json file; raises `BadFile` when it holds no units."""
    findings: list[Finding] = []
    if path.suffix.lower() == ".json":
        lines = tuple(_from_json(path, findings))
    else:
        columns = find_columns(read_sheets(path).sheets, "units")
        if columns is None:
            reason = f"none of its first {SEARCHED_ROWS} rows is a heading known here; see docs/plan-files.md"
            raise BadFile(str(path), None, reason)
        findings += columns.findings
        lines = tuple(_from_table(columns, findings))
    if not lines and not findings:
        raise BadFile(str(path), None, "it holds no unit")
    return path.name, lines, findings


def _from_table(columns: Columns, findings: list[Finding]) -> Iterator[UnitLine]:
    sheet = columns.sheet.name
    if "name" not in columns.of:
        findings.append(Finding("error", sheet, columns.heading_row, None, "no column says the name"))
        return
    for number, cells in table_rows(columns, findings):
        said = {field: _text(cells[index]) if index < len(cells) else "" for field, index in columns.of.items()}
        missing = [field for field in ("code", "name") if not said[field]]
        findings += [Finding("error", sheet, number, columns.headings[f], f"the {f} is missing") for f in missing]
        kind = word_value("kind", said["kind"]) if said.get("kind") else None
        if said.get("kind") and kind is None:
            reason = f"{said['kind']!r} is neither internal nor external"
            findings.append(Finding("error", sheet, number, columns.headings["kind"], reason))
        if not missing:
            parent = said.get("parent") or None
            says = "parent" in columns.of
            yield UnitLine(sheet, number, said["code"], said["name"], cast("UnitKind | None", kind), parent, says)


def _text(cell: Cell) -> str:
    """A number as it is written: codes of digits alone lose their leading zeros in number cells, and nothing puts
    them back.
    """
    if isinstance(cell, float) and cell.is_integer():
        return f"{cell:.0f}"
    return "" if cell is None else tidy(str(cell))


def _from_json(path: Path, findings: list[Finding]) -> Iterator[UnitLine]:
    try:
        found = msgspec.json.decode(read_bytes(path, (".json",)))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadFile(str(path), None, f"not JSON: {error}") from error
    if not isinstance(found, list):
        raise BadFile(str(path), None, "expected a list of units, each with a code and a name")
    for number, (unit, parent) in enumerate(_nested(found), 1):
        if number > MAX_ROWS:
            raise BadFile(str(path), None, f"it holds more than {MAX_ROWS:,} units")
        said: Mapping[str, Any] = unit if isinstance(unit, dict) else {}
        code = said.get("Code", said.get("code"))
        name = next((said[key] for key in _NAMES if said.get(key)), None)
        kind = said.get("kind")
        above = said.get("parent", parent)
        fault = _fault(code, name, kind, above)
        if fault is not None:
            findings.append(Finding("error", None, number, *fault))
        else:
            says = parent is not None or "parent" in said
            yield UnitLine(None, number, tidy(str(code)), tidy(str(name)), kind, above or None, says)


def _fault(code: object, name: object, kind: object, parent: object) -> tuple[str, str] | None:
    """(field, reason) of what is wrong with a unit in JSON."""
    for field, value in (("code", code), ("name", name)):
        if not isinstance(value, str) or not value.strip():
            return field, f"the {field} is missing, or no text"
    if kind not in (None, "internal", "external"):
        return "kind", f"{kind!r} is neither internal nor external"
    if not (parent is None or isinstance(parent, str)):
        return "parent", "the parent is named by its code"
    return None


def _nested(units: list[Any]) -> Iterator[tuple[Any, str | None]]:
    """(unit, code of the one that it stands in); those in `Wards` follow theirs."""
    for unit in units:
        yield unit, None
        inner = unit.get("Wards") if isinstance(unit, dict) else None
        if isinstance(inner, list):
            code = unit.get("Code", unit.get("code"))
            for ward in inner:
                yield ward, code if isinstance(code, str) else None
