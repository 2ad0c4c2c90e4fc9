"""`/v1/schemas`: the list, and each schema in it."""

from __future__ import annotations

from fastapi.testclient import TestClient

from ledger.store.schemas import entry_schema


def test_each_schema_of_the_list_is_served(client: TestClient) -> None:
    listed = client.get("/v1/schemas").json()["schemas"]
    assert {"type": "task.assigned", "v": 1, "schema": "/v1/schemas/task.assigned/v1"} in listed
    for each in listed:
        answer = client.get(each["schema"])
        assert answer.headers["content-type"] == "application/schema+json"
        assert answer.json() == entry_schema(each["type"], each["v"])


def test_an_unknown_one_is_a_problem(client: TestClient) -> None:
    answer = client.get("/v1/schemas/task.assigned/v9")
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")
