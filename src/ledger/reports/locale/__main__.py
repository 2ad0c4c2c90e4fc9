"""Brings the catalogues in step with the sources, and names what waits for a translation."""

from __future__ import annotations

import sys

from ledger.reports.locale.catalogue import TRANSLATED, bring_in_step

waiting = {language: bring_in_step(language) for language in TRANSLATED}
for language, lacking in waiting.items():
    for message in lacking:
        sys.stdout.write(f"{language}: not translated: {message}\n")
sys.exit(1 if any(waiting.values()) else 0)
