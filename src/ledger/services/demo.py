"""The real history that the product shows itself with: the Kubernetes enhancement proposals and their slips."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from types import ModuleType
from typing import Any

import orjson

from ledger.errors import NotForDemo

_NAME = "kubernetes-enhancements"


def example_folder() -> Path:
    """Where the example lies: inside the installed package, or in the source tree beside it."""
    package = Path(str(resources.files("ledger")))
    for folder in (package / "examples" / _NAME, package.parents[1] / "examples" / _NAME):
        if (folder / "convert.py").is_file():
            return folder
    raise NotForDemo(f"the example {_NAME} is not part of this installation")


def write_commands(path: Path) -> int:
    """The example's history stands in the file as command lines; returns their number."""
    folder = example_folder()
    lines = 0
    with path.open("wb") as file:
        for command in _commands(_converter(folder), folder):
            file.write(orjson.dumps(command) + b"\n")
            lines += 1
    return lines


def _converter(folder: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("kubernetes_enhancements", folder / "convert.py")
    if spec is None or spec.loader is None:
        raise NotForDemo(f"{folder / 'convert.py'} cannot be loaded")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _commands(converter: ModuleType, folder: Path) -> Iterator[dict[str, Any]]:
    lines: Iterator[dict[str, Any]] = converter.commands(
        folder / "kep_milestone_history.csv", folder / "kubernetes_releases.csv"
    )
    return lines
