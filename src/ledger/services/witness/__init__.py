"""A witness of other people's logs: it cosigns what continues all that it has seen of a log, and nothing else.

C2SP tlog-witness, from the witness's side. It needs no database, and nothing of this product's ledger.
"""

from __future__ import annotations
