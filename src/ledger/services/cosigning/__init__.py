"""Asking independent witnesses to stand for what this ledger signs: C2SP tlog-witness, from the log's side."""

from __future__ import annotations
