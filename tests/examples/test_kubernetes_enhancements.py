"""The proposals' history as command lines: the counted facts, and what each kind of row becomes."""

import importlib.util
import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

SCRIPT = Path(__file__).parents[2] / "examples" / "kubernetes-enhancements" / "convert.py"

HISTORY_HEADER = "recorded_at,commit,path,title,owning_sig,participating_sigs,status,stage,m_alpha,m_beta,m_stable"
RELEASES = "version,date\n1.20,2020-12-08\n1.21,2021-04-08\n1.22,2021-08-04\n1.23,2021-12-07\n"

Line = dict[str, Any]


def load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("convert_enhancements", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


convert = load()


@pytest.fixture(scope="module")
def lines() -> list[Line]:
    return list(convert.commands())


def of_kind(lines: list[Line], *kinds: str) -> list[Line]:
    return [line for line in lines if line["command"] in kinds]


def streams(lines: list[Line]) -> dict[str, list[Line]]:
    """The lines of each task: line i is answered by the event of version i + 1."""
    found: dict[str, list[Line]] = {}
    for line in lines:
        if "task" in line:
            found.setdefault(line["task"], []).append(line)
    return found


# ── the whole history ──


def test_lines_by_kind(lines: list[Line]) -> None:
    assert Counter(line["command"] for line in lines) == {
        "register_unit": 45,
        "assign_task": 1242,
        "extend_deadline": 599,
        "bring_deadline_forward": 15,
        "reassign_lead": 2,
        "set_coordinating": 27,
        "submit_result": 793,
        "accept_result": 793,
        "retract_record": 12,
        "cancel_task": 21,
        "suspend_task": 1,
    }


def test_codes_are_distinct_short_and_plain(lines: list[Line]) -> None:
    codes = [line["task"] for line in of_kind(lines, "assign_task")]
    assert len(set(codes)) == 1242
    assert all(code.isascii() and " " not in code and "/" not in code and len(code) <= 15 for code in codes)


def test_postponements_and_bring_forwards_by_stage(lines: list[Line]) -> None:
    later = of_kind(lines, "extend_deadline")
    earlier = of_kind(lines, "bring_deadline_forward")
    assert by_stage(later) == {"alpha": 133, "beta": 206, "stable": 260}
    assert by_stage(earlier) == {"alpha": 3, "beta": 5, "stable": 7}
    assert len({line["task"] for line in later}) == 362


def by_stage(lines: list[Line]) -> Counter[str]:
    return Counter(line["task"].rpartition("-")[2] for line in lines)


def test_postponements_by_the_lead_at_the_time(lines: list[Line]) -> None:
    lead: dict[str, str] = {}
    postponed: Counter[str] = Counter()
    for line in lines:
        if line["command"] in ("assign_task", "reassign_lead"):
            lead[line["task"]] = line["data"]["lead"]
        elif line["command"] == "extend_deadline":
            postponed[lead[line["task"]]] += 1
            assert line["acting_unit"] == lead[line["task"]]
    assert postponed.most_common(4) == [
        ("sig-node", 203),
        ("sig-network", 73),
        ("sig-storage", 70),
        ("sig-scheduling", 44),
    ]
    assert postponed["sig-apps"] == 43


def test_every_change_moves_the_deadline_in_force_the_way_it_says(lines: list[Line]) -> None:
    for stream in streams(lines).values():
        due = stream[0]["data"]["deadline"]["date"]
        for line in of_kind(stream, "extend_deadline", "bring_deadline_forward"):
            new = line["data"]["new_deadline"]["date"]
            assert new > due if line["command"] == "extend_deadline" else new < due
            due = new


def test_a_closed_task_is_changed_only_after_what_undoes_its_end(lines: list[Line]) -> None:
    for stream in streams(lines).values():
        standing: list[int] = []
        ended_by = None
        for version, line in enumerate(stream, start=1):
            kind = line["command"]
            if kind == "retract_record":
                assert line["data"]["version"] == standing.pop()
                ended_by = None
                continue
            assert ended_by is None, line
            if kind in ("submit_result", "accept_result"):
                standing.append(version)
            if kind in ("accept_result", "cancel_task"):
                ended_by = version
        assert len(standing) in (0, 2)


def test_time_never_runs_back_and_nothing_is_effective_after_it_was_recorded(lines: list[Line]) -> None:
    recorded = [line["recorded_at"] for line in lines]
    assert recorded == sorted(recorded)
    assert all(line["effective_at"][:10] <= line["recorded_at"][:10] for line in lines)


def test_no_task_ends_before_it_begins(lines: list[Line]) -> None:
    for stream in streams(lines).values():
        assert all(line["effective_at"][:10] >= stream[0]["effective_at"][:10] for line in stream)


def test_every_unit_named_is_registered_before_any_task(lines: list[Line]) -> None:
    units = [line["unit"] for line in of_kind(lines, "register_unit")]
    assert units[0] == "kubernetes"
    assert len(set(units)) == len(units)
    assert [line["command"] for line in lines[: len(units)]] == ["register_unit"] * len(units)
    named = {line["acting_unit"] for line in lines}
    for line in of_kind(lines, "assign_task", "set_coordinating"):
        data = line["data"]
        coordinating = data.get("coordinating", data.get("units"))
        assert data.get("lead") not in coordinating
        named.update(coordinating)
    assert named <= set(units)


def test_a_delivery_that_was_denied_by_the_next_target(lines: list[Line]) -> None:
    stream = streams(lines)["606-stable"]
    assert [(line["command"], line["effective_at"][:10]) for line in stream] == [
        ("assign_task", "2020-10-01"),
        ("submit_result", "2020-12-08"),
        ("accept_result", "2020-12-08"),
        ("retract_record", "2023-02-09"),
        ("retract_record", "2023-02-09"),
        ("extend_deadline", "2023-02-09"),
        ("extend_deadline", "2023-05-25"),
    ]
    assert [line["data"]["version"] for line in of_kind(stream, "retract_record")] == [3, 2]


def test_the_script_writes_the_same_bytes_each_time(tmp_path: Path, lines: list[Line]) -> None:
    target = tmp_path / "commands.ndjson"
    subprocess.run([sys.executable, SCRIPT, "-o", target], check=True)
    printed = subprocess.run([sys.executable, SCRIPT], check=True, capture_output=True).stdout
    assert target.read_bytes() == printed
    assert [json.loads(line) for line in printed.splitlines()] == lines


# ── single rows ──


def converted(tmp_path: Path, *rows: str) -> list[Line]:
    history, releases = tmp_path / "history.csv", tmp_path / "releases.csv"
    history.write_text("\n".join([HISTORY_HEADER, *rows]) + "\n", encoding="utf-8")
    releases.write_text(RELEASES, encoding="utf-8")
    return list(convert.commands(history, releases))


def row(
    day: str,
    *targets: str,
    status: str = "implementable",
    stage: str = "alpha",
    owner: str = "sig-a",
    others: str = "",
    path: str = "keps/sig-a/7-x/kep.yaml",
) -> str:
    alpha, beta, stable = (*targets, "", "", "")[:3]
    head = [f"{day}T12:00:00+00:00", "0123456789abcdef", path, "Title", owner, others]
    return ",".join([*head, status, stage, alpha, beta, stable])


def told(lines: list[Line], code: str = "7-alpha") -> list[tuple[str, str]]:
    return [(line["command"], line["effective_at"][:10]) for line in streams(lines)[code]]


def test_a_target_is_a_promise_with_its_release_as_wording(tmp_path: Path) -> None:
    assigned = converted(tmp_path, row("2020-10-01", "v1.20", others="sig-b;sig-a;TBD"))[-1]
    assert assigned == {
        "command": "assign_task",
        "task": "7-alpha",
        "effective_at": "2020-10-01T12:00:00Z",
        "recorded_at": "2020-10-01T12:00:00Z",
        "acting_unit": "kubernetes",
        "data": {
            "title": "Title - alpha",
            "lead": "sig-a",
            "coordinating": ["sig-b"],
            "authority": "kubernetes",
            "result": "alpha shipped in the release",
            "deadline": {"date": "2020-12-08", "kind": "by", "text": "v1.20"},
        },
    }


def test_an_extension_names_commit_approver_and_no_grounds(tmp_path: Path) -> None:
    extended = converted(tmp_path, row("2020-10-01", "v1.20"), row("2020-11-01", '"1.21, v1.23"'))[-1]
    assert extended["command"] == "extend_deadline"
    assert extended["data"] == {
        "new_deadline": {"date": "2021-04-08", "kind": "by", "text": "v1.21"},
        "approved_by": "kubernetes",
        "document": "0123456789",
        "reason": "target release moved from v1.20 to v1.21",
        "grounds": [],
        "retroactive": False,
    }


@pytest.mark.parametrize("nothing", ["", "0.0", "TBD", "v1.xx", "never"])
def test_an_emptied_target_says_nothing_and_the_next_is_compared_with_the_last(tmp_path: Path, nothing: str) -> None:
    lines = converted(tmp_path, row("2020-10-01", "v1.21"), row("2020-10-02", nothing), row("2020-10-03", "v1.20"))
    assert told(lines) == [("assign_task", "2020-10-01"), ("bring_deadline_forward", "2020-10-03")]


def test_a_later_stage_delivers_on_the_day_of_the_release_once_it_is_out(tmp_path: Path) -> None:
    lines = converted(
        tmp_path,
        row("2020-10-01", "v1.20", "v1.21"),
        row("2020-11-01", "v1.20", "v1.21", stage="beta"),
        row("2021-02-01", "v1.20", "v1.21", stage="beta"),
    )
    assert told(lines) == [
        ("assign_task", "2020-10-01"),
        ("submit_result", "2020-12-08"),
        ("accept_result", "2020-12-08"),
    ]
    assert told(lines, "7-beta") == [("assign_task", "2020-10-01")]
    assert of_kind(lines, "accept_result")[0]["recorded_at"] == "2021-02-01T12:00:00Z"


@pytest.mark.parametrize(
    ("status", "stage", "delivered"),
    [
        ("implemented", "stable", {"7-alpha", "7-beta", "7-stable"}),
        ("imlpemented", "GA", {"7-alpha", "7-beta", "7-stable"}),
        ("implemented", "", {"7-alpha", "7-beta", "7-stable"}),
        ("implemented", "beta", {"7-alpha", "7-beta"}),
        ("implemented (beta)", "beta (deprecated)", {"7-alpha", "7-beta"}),
        ("implemented (alpha)", "removed", {"7-alpha"}),
        ("implementable", "stable", set()),
        ("provisional", "alpha|beta|stable", set()),
    ],
)
def test_what_a_status_says_while_the_releases_are_still_to_come(
    tmp_path: Path, status: str, stage: str, delivered: set[str]
) -> None:
    lines = converted(tmp_path, row("2020-10-01", "v1.20", "v1.21", "v1.22", status=status, stage=stage))
    assert {line["task"] for line in of_kind(lines, "accept_result")} == delivered


def test_a_target_that_had_passed_when_first_written_is_backdated(tmp_path: Path) -> None:
    lines = converted(tmp_path, row("2021-06-01", "v1.20", stage="beta"))
    assert told(lines) == [
        ("assign_task", "2020-12-08"),
        ("submit_result", "2020-12-08"),
        ("accept_result", "2020-12-08"),
    ]
    assert lines[-3]["effective_at"] == "2020-12-08"


def test_a_delivered_stage_that_moves_is_retracted_and_waits_for_its_release(tmp_path: Path) -> None:
    lines = converted(
        tmp_path,
        row("2020-10-01", "v1.20", status="implemented"),
        row("2021-01-01", "v1.21", status="implemented"),
        row("2021-02-01", "v1.21", status="implemented"),
        row("2021-05-01", "v1.21", status="implemented"),
    )
    assert told(lines) == [
        ("assign_task", "2020-10-01"),
        ("submit_result", "2020-10-01"),
        ("accept_result", "2020-10-01"),
        ("retract_record", "2021-01-01"),
        ("retract_record", "2021-01-01"),
        ("extend_deadline", "2021-01-01"),
        ("submit_result", "2021-04-08"),
        ("accept_result", "2021-04-08"),
    ]


@pytest.mark.parametrize("status", ["withdrawn", "rejected", "replaced", "superseded"])
def test_a_cancelled_task_whose_target_moves_is_reopened_first(tmp_path: Path, status: str) -> None:
    lines = converted(
        tmp_path,
        row("2020-10-01", "v1.20"),
        row("2020-10-02", "v1.20", status=status),
        row("2020-10-03", "v1.20", status=status),
        row("2020-10-04", "v1.21", status="implementable"),
    )
    assert told(lines) == [
        ("assign_task", "2020-10-01"),
        ("cancel_task", "2020-10-02"),
        ("reopen_task", "2020-10-04"),
        ("extend_deadline", "2020-10-04"),
    ]


def test_a_deferred_task_keeps_its_moves_and_is_resumed(tmp_path: Path) -> None:
    lines = converted(
        tmp_path,
        row("2020-10-01", "v1.20", status="deferred"),
        row("2020-10-02", "v1.21", status="deferred"),
        row("2020-10-03", "v1.21"),
    )
    assert [kind for kind, _ in told(lines)] == [
        "assign_task",
        "suspend_task",
        "extend_deadline",
        "resume_task",
    ]


def test_owner_and_participants_trade_places_without_a_unit_being_both(tmp_path: Path) -> None:
    lines = converted(
        tmp_path,
        row("2020-10-01", "v1.20", owner="sig-a", others="sig-b"),
        row("2020-10-02", "v1.20", owner="sig-b", others="sig-a"),
    )
    assert [(line["command"], line["data"].get("units")) for line in streams(lines)["7-alpha"][1:]] == [
        ("set_coordinating", []),
        ("reassign_lead", None),
        ("set_coordinating", ["sig-a"]),
    ]


def test_a_delivered_task_keeps_its_lead(tmp_path: Path) -> None:
    lines = converted(
        tmp_path,
        row("2020-10-01", "v1.20", status="implemented"),
        row("2020-10-02", "v1.20", status="implemented", owner="sig-b"),
    )
    assert not of_kind(lines, "reassign_lead")


def test_files_of_one_number_are_told_apart_in_the_order_of_the_history(tmp_path: Path) -> None:
    lines = converted(
        tmp_path,
        row("2020-10-01", "v1.20", path="keps/sig-a/0007-x/kep.yaml"),
        row("2020-10-02", "v1.20", path="keps/sig-a/group/7-y/kep.yaml"),
    )
    assert list(streams(lines)) == ["7-alpha", "7-2-alpha"]


def test_a_clock_that_ran_back_stands_still(tmp_path: Path) -> None:
    lines = converted(tmp_path, row("2020-10-02", "v1.20"), row("2020-10-01", "v1.21"))
    assert lines[-1]["recorded_at"] == "2020-10-02T12:00:00Z"


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (row("2020-10-01", "v9.9"), "line 3, column m_alpha: no date is known for v9.9"),
        (row("2020-10-01", "v1.20", owner=""), "line 3, column owning_sig: no owner given"),
        (row("2020-10-01", path="keps/x/kep.yaml"), "line 3, column path: no proposal number"),
        (row("2020-13-01"), "line 3, column recorded_at: "),
        (row("2020-10-01").replace("+00:00", ""), "line 3, column recorded_at: no offset from UTC"),
        ("2020-10-01T12:00:00Z,0123", "line 3, column path: the row ends before this column"),
    ],
)
def test_bad_input_is_named_by_file_line_and_column(tmp_path: Path, bad: str, message: str) -> None:
    with pytest.raises(convert.InputError) as caught:
        converted(tmp_path, row("2020-10-01", "v1.20"), bad)
    assert message in str(caught.value)
    assert str(caught.value).startswith(str(tmp_path / "history.csv"))


def test_a_missing_column_ends_the_script_with_one_line(tmp_path: Path) -> None:
    history = tmp_path / "history.csv"
    history.write_text("recorded_at,commit\n", encoding="utf-8")
    ended = subprocess.run([sys.executable, SCRIPT, "--history", history], capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert not ended.stdout
    assert ended.stderr == f"convert.py: {history}, line 1, column path: the header has no such column\n"
