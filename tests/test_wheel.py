"""The wheel holds all that the product needs: built, installed into an empty environment, and used from there."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def uv() -> str:
    """The uv that made this environment (tools/bootstrap)."""
    found = shutil.which("uv") or shutil.which("uv", path=ROOT / ".cache" / "uv" / "bin")
    if found is None:
        pytest.fail("uv is neither on PATH nor in .cache/uv/bin: run tools/bootstrap")
    return found


def run(*command: str | Path, cwd: Path, **environment: str) -> str:
    ended = subprocess.run(
        command, cwd=cwd, env={**os.environ, **environment}, text=True, capture_output=True, timeout=300, check=False
    )
    assert ended.returncode == 0, f"{command} ended with {ended.returncode}\n{ended.stdout}\n{ended.stderr}"
    return ended.stdout


@pytest.fixture(scope="module")
def installed(uv: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bin directory of an environment that holds the wheel, what uv.lock says that it needs, and nothing else."""
    place = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", place, cwd=ROOT)
    (wheel,) = place.glob("*.whl")
    python = place / "env" / "bin" / "python"
    environment = {"UV_PROJECT_ENVIRONMENT": str(place / "env"), "UV_PYTHON_DOWNLOADS": "never"}
    downloads = ROOT / ".cache" / "downloads"  # where tools/bootstrap keeps them when there is no home
    if downloads.is_dir():
        environment["UV_CACHE_DIR"] = str(downloads)
    sync = (uv, "sync", "--locked", "--no-dev", "--no-install-project", "--quiet", "--python", sys.executable)
    run(*sync, cwd=ROOT, **environment)
    run(uv, "pip", "install", "--offline", "--no-deps", "--quiet", "--python", python, wheel, cwd=place, **environment)
    run(uv, "pip", "check", "--python", python, cwd=place, **environment)
    return place / "env" / "bin"


def ledger(installed: Path, place: Path, *arguments: str) -> str:
    """What the installed program prints, with a fresh home and no settings but the data directory."""
    place.mkdir(exist_ok=True)
    command = [str(installed / "ledger"), *arguments]
    environment = {"PATH": os.defpath, "HOME": str(place), "LEDGER_DATA_DIR": str(place / "data")}
    ended = subprocess.run(
        command, cwd=place, env=environment, text=True, capture_output=True, timeout=120, check=False
    )
    assert ended.returncode == 0, f"{command} ended with {ended.returncode}\n{ended.stdout}\n{ended.stderr}"
    return ended.stdout


def test_it_tells_its_version(installed: Path, tmp_path: Path) -> None:
    assert "0.1.0" in ledger(installed, tmp_path, "--version")


def test_it_migrates_the_embedded_server_that_it_brings(installed: Path, tmp_path: Path) -> None:
    ledger(installed, tmp_path, "migrate")
    assert (tmp_path / "data" / "postgres" / "PG_VERSION").read_text().strip() == "18"


def test_every_data_file_of_the_source_tree_is_in_it(installed: Path) -> None:
    (package,) = installed.parent.glob("lib/python*/site-packages/ledger")
    source = ROOT / "src" / "ledger"
    files = {path.relative_to(source) for path in source.rglob("*") if path.is_file()}
    wanted = {path for path in files if not any(part[0] == "." or part == "__pycache__" for part in path.parts)}
    assert {path for path in wanted if not (package / path).exists()} == set()
