"""How hard the randomised tests try.

`LEDGER_TESTS_EFFORT=100` gives a hundred times the examples, kills and rounds; the figures in the tests are for a run
that people wait for.
"""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

EFFORT = int(os.environ.get("LEDGER_TESTS_EFFORT", "1"))


def examples(count: int) -> settings:
    """So many examples at the usual effort; a database that several examples share is not a mistake here."""
    return settings(
        max_examples=count * EFFORT,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )
