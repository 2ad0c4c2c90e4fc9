"""On a real history, at any pair of times: both readings give the same bytes, and the sums hold."""

from __future__ import annotations

import datetime as dt
import random
from collections import Counter

import pytest
from tests.reports.asking import Answer, ask
from tests.support.effort import EFFORT

from ledger.reports import REPORTS
from ledger.services.ledger import Ledger

FIRST, LAST = dt.date(2020, 3, 20), dt.date(2026, 7, 20)


def moments(seed: str, count: int) -> list[tuple[str, str]]:
    """(as_of, on), as far apart as chance has it; a day asked about may lie after what is known."""
    dice = random.Random(seed)
    found = []
    for _ in range(count * EFFORT):
        as_of = FIRST + dt.timedelta(days=dice.randrange((LAST - FIRST).days))
        found.append((as_of.isoformat(), (as_of + dt.timedelta(days=dice.choice((0, 0, -200, -20, 30)))).isoformat()))
    return found


def parts_sum(answer: Answer, *keys: str) -> None:
    for key in keys:
        rest = (answer["residual"] or {}).get(key, 0)
        assert sum(row[key] for row in answer["rows"]) + rest == answer["total"][key], key


@pytest.mark.parametrize("name", REPORTS)
def test_both_readings_give_the_same_bytes(proposals: Ledger, name: str) -> None:
    dice = random.Random(name)
    for as_of, on in moments(name, 3):
        scope = dice.choice(({}, {"unit": "sig-node"}, {"unit": "kubernetes"}, {"task": "1287-beta"}))
        if scope.get("task") and as_of < "2021-01-01":
            scope = {}
        ask(proposals, name, on, as_of, **scope)


def test_changes_are_the_same_both_ways_between_any_two_points(proposals: Ledger) -> None:
    for as_of, on in moments("changes since", 3):
        since = (dt.date.fromisoformat(on) - dt.timedelta(days=120)).isoformat()
        known = (dt.date.fromisoformat(as_of) - dt.timedelta(days=60)).isoformat()
        answer = ask(proposals, "changes", on, as_of, since_on=since, since_as_of=known)
        slips = [ask(proposals, "slip", day, at)["total"]["calendar_days"] for at, day in ((as_of, on), (known, since))]
        assert answer["total"]["slip_days"] == slips[0] - slips[1]
        assert answer["total"]["slip_days"] == sum(row["days"] for row in answer["rows"] if row["change"] == "slipped")
        assert answer["residual"] is None


@pytest.mark.parametrize("baseline", ["active", "original"])
def test_slip_sums_to_the_scorecard_and_to_the_tasks_own(proposals: Ledger, baseline: str) -> None:
    for as_of, on in moments(f"sums {baseline}", 3):
        slip = ask(proposals, "slip", on, as_of, baseline=baseline)
        card = ask(proposals, "scorecard", on, as_of, baseline=baseline)
        for days, caused in (("calendar_days", "slip_days_caused"), ("working_days", "slip_working_days_caused")):
            charged: Counter[str] = Counter()
            for row in slip["rows"]:
                charged[row["unit"]] += row[days]
            assert +charged == +Counter({row["unit"]: row[caused] for row in card["rows"]})
            own = sum(task["slip"][days] for task in slip["tasks"])
            assert card["total"][caused] == slip["total"][days] == own == charged.total()
        assert card["residual"] is slip["residual"] is None
        parts_sum(card, "led", "slip_days_received", "slip_days_caused_to_others", "extensions_granted", "reviews")
        assert card["total"]["slip_days_received"] == card["total"]["slip_days_caused_to_others"]


def test_tasks_sum_to_the_same_in_every_report(proposals: Ledger) -> None:
    for as_of, on in moments("tasks", 3):
        status, card = ask(proposals, "status", on, as_of), ask(proposals, "scorecard", on, as_of)
        statuses = [key for key in status["total"]["percent"] if key != "done"]
        parts_sum(status, "total", "due", *statuses)
        for row in (*status["rows"], status["total"]):
            assert sum(row[key] for key in statuses) == row["total"]
        assert card["total"]["led"] == status["total"]["total"] == ask(proposals, "plan", on, as_of)["total"]["total"]
        assert ask(proposals, "overdue", on, as_of)["total"]["tasks"] == status["total"]["open_overdue"]
        assert ask(proposals, "review", on, as_of)["total"]["tasks"] == status["total"]["awaiting_review"]
        changes = ask(proposals, "deadlines", on, as_of)["rows"]
        assert card["total"]["extensions_granted"] == sum((row["days"] or 0) > 0 for row in changes)
