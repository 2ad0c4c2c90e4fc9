"""Tasks over HTTP, as they stand and as they stood."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest
from fastapi.testclient import TestClient
from tests.api.conftest import Post, assigned
from tests.support.ledgers import line, record

from ledger.domain.times import utc_text
from ledger.services.ledger import Ledger


@pytest.fixture
def times(client: TestClient, ledger: Ledger) -> list[str]:  # noqa: ARG001  # the server must run
    """T1 is assigned, is half done on the 5th, blocked on the 6th, extended on the 8th: when each was recorded."""
    lines = (
        assigned("T1", coordinating=["U2"], plan_items=[{"plan": "P1", "item": "A1"}]),
        line("report_progress", "T1", 5, unit="U1", percent=45.5, narrative="half  of\nit"),
        line("raise_blocker", "T1", 6, unit="U1", blocker="b1", owner="U2", category="law", description="no decree"),
        line(
            "request_extension",
            "T1",
            7,
            unit="U1",
            request="r1",
            new_deadline={"date": "2025-03-20", "kind": "before"},
            grounds=[{"blocker": "b1"}],
        ),
        line("extend_deadline", "T1", 8, new_deadline={"date": "2025-03-15"}, grounds=[{"blocker": "b1"}]),
    )
    return [utc_text(each.recorded_at) for each in record(ledger, *lines)]


def get(client: TestClient, path: str, **parameters: str | int) -> dict[str, Any]:
    answer = client.get(path, params=parameters)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_a_task_is_shown_whole(client: TestClient, times: list[str]) -> None:
    state = get(client, "/v1/tasks/T1", as_of=times[-1], on="2025-03-20")
    given = {"date": "2025-03-10", "kind": "by", "text": None, "roll_forward": False, "last_day": "2025-03-10"}
    assert state == {
        "on": "2025-03-20",
        "as_of": times[-1],
        "position": 12,
        "task": "T1",
        "title": "Task T1",
        "lead": "U1",
        "coordinating": ["U2"],
        "officer": None,
        "authority": "AUTH",
        "result": None,
        "start": None,
        "priority": "normal",
        "classification": "internal",
        "plan_items": [{"plan": "P1", "item": "A1"}],
        "assigned_on": "2025-03-01",
        "deadline": given | {"date": "2025-03-15", "last_day": "2025-03-15"},
        "original": given,
        "baseline": given,
        "status": "open_overdue",
        "life": "open",
        "suspended_by": None,
        "percent": 45.5,
        "reported_on": "2025-03-05",
        "reviewer": None,
        "submitted_on": None,
        "closed_on": None,
        "returns": 0,
        "blockers": [
            {
                "code": "b1",
                "owner": "U2",
                "category": "law",
                "description": "no decree",
                "proposal": "",
                "raised_by": "U1",
                "raised_on": "2025-03-06",
                "resolved_on": None,
                "verdict": None,
            }
        ],
        "requests": [
            {
                "code": "r1",
                "by": "U1",
                "new_deadline": given | {"date": "2025-03-20", "kind": "before", "last_day": "2025-03-19"},
                "grounds": [{"blocker": "b1"}],
            }
        ],
        "flags": [],
    }


def test_without_times_it_is_now(client: TestClient, times: list[str]) -> None:
    state = get(client, "/v1/tasks/T1")
    assert state["on"] == "2025-03-31"
    assert state["as_of"] >= times[-1]


def test_the_two_clocks_are_apart(client: TestClient, times: list[str]) -> None:
    """What was known then about a day, and what is known now about it."""
    assert get(client, "/v1/tasks/T1", as_of=times[0], on="2025-03-20")["percent"] is None
    assert get(client, "/v1/tasks/T1", as_of=times[1], on="2025-03-20")["percent"] == 45.5
    assert get(client, "/v1/tasks/T1", as_of=times[1], on="2025-03-04")["percent"] is None
    assert get(client, "/v1/tasks/T1", as_of=times[3], on="2025-03-12")["status"] == "open_overdue"
    assert get(client, "/v1/tasks/T1", as_of=times[4], on="2025-03-12")["status"] == "open_in_time"
    assert get(client, "/v1/tasks/T1", as_of=times[4], on="2025-03-07")["deadline"]["date"] == "2025-03-10"


def test_a_whole_percentage_is_written_whole(client: TestClient, post: Post, times: list[str]) -> None:  # noqa: ARG001
    for percent in (0, 7, 33.33, 100):
        post("report_progress", "T1", 9, percent=percent)
        assert f'"percent":{percent},' in client.get("/v1/tasks/T1").text


def test_a_plus_that_became_a_blank_is_understood(client: TestClient, times: list[str]) -> None:
    later = "2099-12-31T23:59:59+07:00"
    assert client.get(f"/v1/tasks/T1?as_of={later}").json()["as_of"] == "2099-12-31T16:59:59.000000Z"
    assert client.get(f"/v1/tasks/T1?as_of={times[0].replace('Z', '+00:00')}").json()["as_of"] == times[0]


def test_what_was_written_is_there_to_be_read(client: TestClient, post: Post) -> None:
    for n in range(20):
        assert client.post(
            "/v1/commands", content=assigned(f"T{n}"), headers={"Content-Type": "application/json"}
        ).is_success
        assert get(client, f"/v1/tasks/T{n}")["percent"] is None
        post("report_progress", f"T{n}", 2, percent=n)
        assert get(client, f"/v1/tasks/T{n}")["percent"] == n


# ── what is not there ────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("path", ["T9", "T9/timeline", "", "%00", "x" * 500, "%ff", "/timeline", "T1/nonsense"])
def test_an_unknown_task_is_not_found(client: TestClient, times: list[str], path: str) -> None:  # noqa: ARG001
    answer = client.get(f"/v1/tasks/{path}")
    assert (answer.status_code, answer.headers["Content-Type"]) == (404, "application/problem+json")
    assert (answer.json()["type"], answer.json()["kind"]) == ("urn:progress-ledger:problem:not-found", "task")


def test_a_task_is_not_found_before_it_was(client: TestClient, times: list[str]) -> None:
    assert client.get("/v1/tasks/T1", params={"on": "2025-02-28"}).status_code == 404
    assert client.get("/v1/tasks/T1", params={"on": "2025-03-01"}).status_code == 200
    for path in ("/v1/tasks/T1", "/v1/tasks/T1/timeline"):
        assert client.get(path, params={"as_of": "2020-01-01"}).status_code == 404
        assert client.get(path, params={"as_of": times[0]}).status_code == 200


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("asof=2025-01-01", "asof"),
        ("as_of=20260101", "as_of"),
        ("as_of=1767225600", "as_of"),
        ("as_of=2026-01-01T00:00:00", "as_of"),
        ("as_of=2026-02-30", "as_of"),
        ("as_of=", "as_of"),
        ("on=2025-3-1", "on"),
        ("on=2025-03-01T00:00:00Z", "on"),
        ("on=2025-03-01&on=2025-03-02", "on"),
        ("on=%00", "on"),
    ],
)
@pytest.mark.parametrize("path", ["/v1/tasks", "/v1/tasks/T1", "/v1/tasks/T1/timeline"])
def test_a_parameter_that_cannot_be_read_is_named(client: TestClient, path: str, query: str, parameter: str) -> None:
    answer = client.get(f"{path}?{query}")
    assert (answer.status_code, answer.json()["parameter"]) == (400, parameter)
    assert answer.json()["type"] == "urn:progress-ledger:problem:bad-query"


# ── lists ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_pages_hold_together_while_tasks_are_added(client: TestClient, ledger: Ledger) -> None:
    codes = [f"T{n:02d}" for n in range(7)]
    record(ledger, *(assigned(code) for code in codes))
    answer = client.get("/v1/tasks", params={"limit": 3})
    seen = [task["task"] for task in answer.json()["tasks"]]
    assert answer.json()["next"] == "T02"
    while "next" in answer.links:
        record(ledger, assigned(f"T{len(seen):02d}b"))
        answer = client.get(answer.links["next"]["url"])
        seen += [task["task"] for task in answer.json()["tasks"]]
    assert answer.json()["next"] is None
    assert seen == codes


def test_a_page_that_is_just_full_is_the_last(client: TestClient, ledger: Ledger) -> None:
    record(ledger, *(assigned(f"T{n}") for n in range(3)))
    answer = client.get("/v1/tasks", params={"limit": 3})
    assert len(answer.json()["tasks"]) == 3
    assert answer.json()["next"] is None
    assert "Link" not in answer.headers


def test_a_list_is_of_a_scope(client: TestClient, ledger: Ledger) -> None:
    record(
        ledger,
        assigned("T1"),
        assigned("T2", lead="U3"),
        assigned("T3", lead="U2", plan_items=[{"plan": "P1", "item": "A1"}]),
    )

    def listed(**parameters: str) -> list[str]:
        return [task["task"] for task in get(client, "/v1/tasks", **parameters)["tasks"]]

    assert listed() == ["T1", "T2", "T3"]
    assert listed(unit="U1") == ["T1", "T2"]
    assert listed(plan="P1") == ["T3"]
    assert listed(unit="U1", plan="P1") == []
    assert listed(after="T1") == ["T2", "T3"]
    assert listed(on="2025-02-01") == []
    unknown = client.get("/v1/tasks", params={"unit": "U9"})
    assert (unknown.status_code, unknown.json()["kind"]) == (404, "unit")


def test_tasks_of_a_list_are_those_of_their_own_page(client: TestClient, times: list[str]) -> None:
    at = {"as_of": times[3], "on": "2025-03-12"}
    page = get(client, "/v1/tasks", **at)
    (listed,) = page.pop("tasks")
    assert page.pop("next") is None
    assert page | listed == get(client, "/v1/tasks/T1", **at)


@pytest.mark.parametrize("limit", ["0", "1001", "-1", "many", ""])
def test_a_limit_has_its_limits(client: TestClient, limit: str) -> None:
    answer = client.get("/v1/tasks", params={"limit": limit})
    assert (answer.status_code, answer.json()["parameter"]) == (400, "limit")


# ── timelines ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_timeline_tells_what_happened(client: TestClient, ledger: Ledger, times: list[str]) -> None:
    record(ledger, line("retract_record", "T1", 9, version=2, reason="another task's"))
    found = get(client, "/v1/tasks/T1/timeline")
    assert found["task"] == "T1"
    assert [(each["version"], each["unit"], each["effective"], each["text"]) for each in found["records"]] == [
        (1, "AUTH", "2025-03-01", "Assigned to U1 by AUTH, due by 2025-03-10."),
        (2, "U1", "2025-03-05", "Progress is reported as 45.5 %: half of it."),
        (3, "U1", "2025-03-06", "Blocker b1 (law) is raised, owned by U2: no decree."),
        (4, "U1", "2025-03-07", "Extension r1 is asked for, to be due before 2025-03-20, on the ground of blocker b1."),
        (5, "AUTH", "2025-03-08", "Extended to be due by 2025-03-15, approved by AUTH, on the ground of blocker b1."),
        (6, "AUTH", "2025-03-09", "Record 2 is retracted: another task's."),
    ]
    records = ledger.log.records(7, 13)
    second = found["records"][1]
    assert second["retracted_by"] == 6
    assert second["recorded_at"] == times[1]
    assert (second["position"], second["type"]) == (8, "task.progress-reported")
    assert [each["event"] for each in found["records"]] == [each.event.id for each in records]
    assert get(client, "/v1/tasks/T1/timeline", as_of=times[-1])["records"][1]["retracted_by"] is None


def test_a_timeline_ends_with_the_day(client: TestClient, times: list[str]) -> None:
    assert len(get(client, "/v1/tasks/T1/timeline", on="2025-03-06")["records"]) == 3
    assert len(get(client, "/v1/tasks/T1/timeline", on="2025-03-06", as_of=times[1])["records"]) == 2


@pytest.mark.parametrize("code", ["1/QD-TTg", "a/b/c", "Đề án 06", "50%", "a?b#c", "timeline"])
def test_any_code_can_be_asked_for(client: TestClient, ledger: Ledger, code: str) -> None:
    record(ledger, assigned(code))
    assert get(client, f"/v1/tasks/{quote(code)}")["task"] == code
    assert get(client, f"/v1/tasks/{quote(code, safe='')}")["task"] == code
    assert get(client, f"/v1/tasks/{quote(code)}/timeline")["task"] == code


def test_the_charges_of_a_task_are_those_of_the_slip_report_and_lead_to_their_evidence(
    client: TestClient, ledger: Ledger
) -> None:
    record(ledger, assigned("C1"))
    at = {"on": "2025-03-15"}
    charged = client.get("/v1/tasks/C1/charges", params=at)
    found = charged.json()
    assert found["slip"] == {"calendar_days": 5, "working_days": 4}
    assert [(c["unit"], c["cause"], c["days"]) for c in found["charges"]] == [
        ("U1", "late", [["2025-03-11", "2025-03-15"]])
    ]
    link = charged.headers["Link"].split(">")[0].lstrip("<")
    (event,) = client.get(link).json()["events"]
    assert [event["position"]] == found["charges"][0]["evidence"]
    slip = client.get("/v1/reports/slip", params=at | {"task": "C1", "as_of": found["as_of"]})
    assert slip.json()["tasks"] == [{name: value for name, value in found.items() if name != "position"}]
    assert slip.headers["Link"] == charged.headers["Link"]
    assert client.get("/v1/tasks/C1/charges", params=at | {"baseline": "none"}).status_code == 400
    assert client.get("/v1/tasks/NONE/charges", params=at).status_code == 404
