"""Every module that registers cases."""

from __future__ import annotations

from bench import appends, bulk, commands, decoding, peers, read_model

__all__ = ["appends", "bulk", "commands", "decoding", "peers", "read_model"]
