"""The documents keep step with the product: settings, commands, links, and what the demo prints."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
import typer
from bench.__main__ import ALONE
from bench.cases import tables

from ledger.cli.app import app
from ledger.domain.texts import map_texts
from ledger.reports import REPORTS
from ledger.settings import Settings
from ledger.store.entry import decode_entry

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").glob("*.md")])
_LINK = re.compile(r"\]\((?!https?://|#)([^)#\s\"]+)(?:#[^)]*)?\)")
_BLOCK = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)
_CALL = re.compile(r"(?:^|[;&|(]\s*|=\S+ )ledger ([a-z][a-z -]*[a-z])", re.MULTILINE)


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_is_described(name: str) -> None:
    assert f"`LEDGER_{name.upper()}`" in (ROOT / "docs/operations.md").read_text()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    targets = _LINK.findall(page.read_text())
    assert [target for target in targets if not (page.parent / target).exists()] == []


def calls() -> Iterator[tuple[str, str]]:
    """(page, words behind `ledger`) for each call in a shell block."""
    for page in PAGES:
        for block in _BLOCK.findall(page.read_text()):
            for words in _CALL.findall(block):
                yield page.name, words


@pytest.mark.parametrize(("page", "words"), sorted(set(calls())))
def test_commands_in_the_documents_exist(page: str, words: str) -> None:  # noqa: ARG001  # the page names the case
    command: click.Command = typer.main.get_command(app)
    for word in words.split():
        if not isinstance(command, click.Group):
            break
        assert word in command.commands, f"ledger {words}: there is no {word}"
        command = command.commands[word]


def test_the_reference_in_the_example_is_the_one_that_its_code_prints(capsys: pytest.CaptureFixture[str]) -> None:
    text = (ROOT / "docs/entry-format.md").read_text()
    (code,) = re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    exec(code, {})  # noqa: S102  # the document's own example
    printed = capsys.readouterr().out
    assert f"\n# {printed}" in code
    assert f'"description":"{printed.strip()}"' in text


def test_every_text_is_listed_and_nothing_else() -> None:
    """By its last name: what the types mark as texts is what the document says entries hold references to."""
    text = (ROOT / "docs/entry-format.md").read_text().split("\n## Texts\n")[1].split("\n## ")[0]
    rows = re.findall(r"^\| (?:personal names|free text) \| (.*) \|$", text, re.MULTILINE)
    named = {name.rpartition(".")[2] for row in rows for name in re.findall(r"`([a-z_.]+)`", row)} - {
        "evidence",
        "file",
    }
    found: set[str] = set()

    def note(path: str, _kind: str, held: str) -> str:
        found.add(path.rpartition(".")[2])
        return held

    for line in (ROOT / "tests/store/golden/entries.jsonl").read_bytes().splitlines():
        map_texts(decode_entry(0, line[len(b'{"entry":') : line.index(b',"leaf":')]).event, note)
    assert named == found


def test_every_report_is_described() -> None:
    text = (ROOT / "docs/reports.md").read_text()
    assert [name for name in REPORTS if f"## {name}\n" not in text] == []


def test_every_benchmark_is_described() -> None:
    text = (ROOT / "docs/performance.md").read_text()
    assert [name for name in (*tables(), *ALONE) if f"`{name}`" not in text] == []
