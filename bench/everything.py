"""Every module that registers cases."""

from __future__ import annotations

from bench import appends, bulk, commands, decoding, over_http, peers, read_model

__all__ = ["appends", "bulk", "commands", "decoding", "over_http", "peers", "read_model"]
