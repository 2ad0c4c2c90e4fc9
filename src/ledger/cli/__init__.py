"""The command line: every command is a thin door to a service."""

from __future__ import annotations

from ledger.cli.app import main

__all__ = ["main"]
