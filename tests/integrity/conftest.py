"""What the tests of integrity begin with."""

from __future__ import annotations

from tests.support.databases import new_database

__all__ = ["new_database"]
