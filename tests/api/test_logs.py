"""The log: a JSON object a line, one for each request, and never what a request held."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from api.in_process import InProcess
from api.problems import FORWARD
from chainrule.api.logs import JsonLines
from live_service import live_service

SECRET = "aSecretOfTheCaller"


@contextmanager
def logging(log: Path, **settings: object) -> Iterator[httpx.Client]:
    """A client of a service that is ended, so that its log is whole, at the end of the block."""
    with live_service(log, drain_notice=0, **settings) as service:
        with service.client() as client:
            yield client
        service.terminate()
        service.process.wait(60)


def lines(log: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log.read_text().removesuffix("\n").split("\n")]


def by_id(log: Path) -> dict[str, dict[str, Any]]:
    return {line["request_id"]: line for line in lines(log) if "request_id" in line}


def test_each_request_is_a_line_of_json(log: Path) -> None:
    with logging(log) as client:
        client.post("/v1/forward", json=FORWARD, headers={"X-Request-ID": "first"})
        client.post("/v1/forward", json={"bogus": 1}, headers={"X-Request-ID": "second"})
        client.head("/v1/ops/nothing", headers={"X-Request-ID": "third"})
        client.get("/" + "x" * 5_000, headers={"X-Request-ID": "fourth"})
    found = by_id(log)
    told = {name: (line["method"], line["path"][:20], line["status"]) for name, line in found.items()}
    assert {name: told[name] for name in ("first", "second", "third", "fourth")} == {
        "first": ("POST", "/v1/forward", 200),
        "second": ("POST", "/v1/forward", 422),
        "third": ("HEAD", "/v1/ops/nothing", 404),
        "fourth": ("GET", "/" + "x" * 19, 404),
    }
    assert len(found["fourth"]["path"]) == 200
    for line in found.values():
        assert (line["level"], line["message"]) == ("info", "request")
        assert datetime.fromisoformat(line["time"]).utcoffset() is not None
        assert line["ms"] >= 0


def test_nothing_of_a_request_is_logged_but_its_first_line(log: Path) -> None:
    with logging(log, log_level="debug") as client:
        headers = {"Authorization": f"Bearer {SECRET}", "X-Request-ID": f"{SECRET} {SECRET}"}
        for body in ({**FORWARD, "inputs": [[8.7654321, 1.0]]}, {**FORWARD, "dtype": SECRET}, {SECRET: SECRET}):
            client.post(f"/v1/forward?key={SECRET}", json=body, headers=headers)
        client.post("/v1/forward", content=SECRET.encode(), headers={"Content-Type": "application/json"})
    text = log.read_text()
    assert text.count('"message":"request"') >= 4
    assert SECRET not in text
    assert "8.7654" not in text


def test_a_line_cannot_be_broken_by_a_path(log: Path) -> None:
    with logging(log) as client:
        for path in ("/a%0Ab", "/%22%7D", "/%ED%A0%80", "/%E2%80%A8"):
            assert client.get(path).status_code == 404
    assert sum(line.get("status") == 404 for line in lines(log)) == 4


def test_requests_are_not_logged_above_info(log: Path) -> None:
    with logging(log, log_level="warning") as client:
        assert client.post("/v1/forward", json=FORWARD).status_code == 200
        assert client.post("/v1/forward", json={}).status_code == 422
    assert log.read_text() == ""


def test_a_fault_of_ours_is_logged_with_its_traceback(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    faulty = InProcess()

    def fail(*_: object) -> None:
        raise RuntimeError("broken")

    monkeypatch.setattr(faulty.app.calls, "parse", fail)
    faulty.post("/v1/forward", json=FORWARD, headers={"X-Request-ID": "broken-1"})
    (record,) = [record for record in caplog.records if record.exc_info]
    line = json.loads(JsonLines().format(record))
    assert (line["level"], line["request_id"], line["path"]) == ("error", "broken-1", "/v1/forward")
    assert "RuntimeError: broken" in line["traceback"]
