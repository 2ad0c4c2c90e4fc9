"""Write the frozen tables of days off, one file a country, from the Python package `holidays`.

    uv run --with holidays==0.109 --no-project python tools/calendar_tables.py

Run once for each country that is added: a table that is there is never written again, because reports of the past rest
on it. Viet Nam's has dated overrides besides, which its `source` names.
"""

from __future__ import annotations

import json
from pathlib import Path

import holidays

TABLES = Path(__file__).parent.parent / "src" / "ledger" / "domain" / "calendars" / "tables"
FIRST, LAST = 2015, 2035
PYTHON_MONDAY = 0


def main() -> None:
    """Every country of the package with a two-letter code (ISO 3166) has a table."""
    for country in sorted(holidays.list_supported_countries(include_aliases=False)):
        file = TABLES / f"{country}.json"
        if len(country) == 2 and not file.exists():
            file.write_text(table(country), encoding="utf-8")


def table(country: str) -> str:
    """The table of one country as JSON: one line a day that stands out."""
    years = range(FIRST, LAST + 1)
    language = holidays.country_holidays(country).default_language
    days = holidays.country_holidays(country, years=years, language=language)
    in_range = {day: name for day, name in days.items() if FIRST <= day.year <= LAST}
    worked = {day: days.get(day) for day in days.weekend_workdays if FIRST <= day.year <= LAST}
    said = {
        "country": country,
        "source": f"Generated once from the Python package holidays {holidays.__version__} (country {country}, "
        f"category public, language {language or 'en'}; its weekend_workdays as working days), years {FIRST}-{LAST}. "
        "Never edited: a correction is a recorded event. Days of years to come follow the rules known when it was "
        "made.",
        "first": f"{FIRST}-01-01",
        "last": f"{LAST}-12-31",
        "weekend": sorted(weekday - PYTHON_MONDAY + 1 for weekday in days.weekend),
        "off": {day.isoformat(): name for day, name in sorted(in_range.items()) if day not in worked},
        "worked": {day.isoformat(): name or "Working day" for day, name in sorted(worked.items())},
    }
    return json.dumps(said, ensure_ascii=False, indent=1) + "\n"


if __name__ == "__main__":
    main()
