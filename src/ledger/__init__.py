"""An event-sourced progress ledger with an immutable audit history."""
