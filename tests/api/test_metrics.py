"""What /metrics tells is what was done."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import httpx
import pytest

from api.batches import NDJSON, OpenBatch
from api.held import Held, NotTaken
from api.in_process import JSON, InProcess
from api.keys import hashed, with_key
from api.problems import FORWARD, SOUND, UNLIMITED, endless, padded
from api.scraping import Scrape, grown, scrape
from chainrule.api.metrics import KINDS, POSTS
from chainrule.api.problems import Problem
from docs.pages import ROOT
from live_service import LiveService, live_service
from problem_documents import assert_problem
from waiting import until

FORWARDED = {"operation": "forward"}


def until_counted(service: httpx.Client, name: str, value: float, **labels: str) -> None:
    """Wait: a request is counted once its answer has been sent, and what others count once a second."""
    until(lambda: scrape(service)(name, **labels) == value, f"{name} of {value}")


def test_requests_are_counted_by_operation_and_status() -> None:
    service = InProcess()

    def some() -> None:
        for _ in range(3):
            service.post("/v1/forward", json=FORWARD)
        service.post("/v1/gradients", json=SOUND)
        service.post("/v1/gradients", json=FORWARD)
        service.get("/v1/nothing")
        service.get("/v1/forward")
        service.get("/livez")

    found = grown(service, some)
    assert found("chainrule_requests_total", operation="forward", status="2xx") == 3
    assert found("chainrule_requests_total", operation="forward", status="4xx") == 1
    assert found("chainrule_requests_total", operation="gradients", status="2xx") == 1
    assert found("chainrule_requests_total", operation="gradients", status="4xx") == 1
    assert found("chainrule_requests_total", operation="other", status="4xx") == 1
    assert found("chainrule_requests_total", operation="livez", status="2xx") == 1
    assert found("chainrule_request_seconds_count", operation="forward") == 4
    assert found("chainrule_errors_total", kind="not-found") == 1
    assert found("chainrule_errors_total", kind="method-not-allowed") == 1
    assert found("chainrule_errors_total", kind="request-not-valid") == 1


def test_the_parts_of_the_work_are_timed() -> None:
    service = InProcess(inline_bytes=1_000)

    def some() -> None:
        service.post("/v1/forward", json=FORWARD)
        service.post("/v1/forward", content=padded(FORWARD, 2_000), headers=JSON)  # in a thread

    found = grown(service, some)
    counts = {stage: found("chainrule_stage_seconds_count", stage=stage) for stage in ("parse", "compute", "encode")}
    assert counts == {"parse": 2, "compute": 2, "encode": 2}
    assert found("chainrule_stage_seconds_count", stage="queue") == 1
    whole = found("chainrule_request_seconds_sum", **FORWARDED)
    parts = [found("chainrule_stage_seconds_sum", stage=stage) for stage in ("parse", "queue", "compute", "encode")]
    assert 0 < sum(parts) < whole


def test_bytes_are_those_of_the_bodies() -> None:
    service = InProcess()
    body = padded(FORWARD, 777)
    replies = []
    found = grown(service, lambda: replies.append(service.post("/v1/forward", content=body, headers=JSON)))
    assert found("chainrule_received_bytes_total", **FORWARDED) == 777
    assert found("chainrule_sent_bytes_total", **FORWARDED) == len(replies[0].content)


def test_known_structures_are_told_from_new_ones() -> None:
    service = InProcess()

    def some() -> None:
        for number in range(4):
            service.post("/v1/forward", json={**FORWARD, "inputs": [[number + 0.5, 1.0]]})

    found = grown(service, some)
    assert found("chainrule_structures_total", known="no") == 1
    assert found("chainrule_structures_total", known="yes") == 3


@pytest.mark.parametrize(
    ("refused", "known"),
    [
        ({**FORWARD, "inputs": [[1.0], [2.0, 3.0]]}, "yes"),
        ({**FORWARD, "inputs": [[1.0, 2.0, 3.0]]}, "yes"),
        ({**FORWARD, "network": {"layers": [{"op": "lineal"}]}}, "no"),
    ],
    ids=["ragged", "of another width", "new"],
)
def test_a_refused_request_is_counted_once(refused: dict[str, Any], known: str) -> None:
    service = InProcess()
    service.post("/v1/forward", json=FORWARD)
    found = grown(service, lambda: service.post("/v1/forward", json=refused))
    assert [found("chainrule_structures_total", known=each) for each in ("yes", "no")] == [
        known == "yes",
        known == "no",
    ]


def test_items_of_batches_are_counted(log: Path) -> None:
    lines = [
        {"id": 1, "operation": "forward", "request": FORWARD},
        {"id": 2, "operation": "forward", "request": {}},
        {"id": 3, "operation": "gradients", "request": SOUND},
    ]
    text = "".join(json.dumps(line) + "\n" for line in lines)
    with live_service(log) as service, service.client() as client:
        reply = client.post("/v1/batch", content=text, headers=NDJSON)
        assert len(reply.text.splitlines()) == 3
        until_counted(client, "chainrule_requests_total", 1, operation="batch", status="2xx")
        found = scrape(client)
        assert found("chainrule_items_total", status="2xx") == 2
        assert found("chainrule_items_total", status="4xx") == 1
        refused = {kind: found("chainrule_item_errors_total", kind=kind) for kind in KINDS}
        assert refused == {kind: float(kind == "request-not-valid") for kind in KINDS}
        assert found("chainrule_batch_items_count") == 1
        assert found("chainrule_batch_items_sum") == 3
        assert found("chainrule_received_bytes_total", operation="batch") == len(text)
        assert found("chainrule_sent_bytes_total", operation="batch") == len(reply.content)
        with OpenBatch(service) as batch:
            batch.send_items(lines[0])
            batch.end()
            assert len(list(batch.lines())) == 1
        until_counted(client, "chainrule_batch_items_count", 2)
        assert scrape(client)("chainrule_items_total", status="2xx") == 3


@pytest.mark.parametrize(
    ("kind", "settings", "sent"),
    [
        ("request-not-json", {}, {"content": b"{", "headers": JSON}),
        ("unauthorized", {"keys": "0" * 64}, {"json": FORWARD}),
        ("request-timeout", {}, {"json": FORWARD, "headers": {"X-Request-Timeout": "0"}}),
        ("request-timeout", {"deadline": 0.2, **UNLIMITED}, {"content": endless(), "headers": JSON}),
        ("content-too-large", {"max_body_bytes": 10}, {"json": FORWARD}),
        ("unsupported-media-type", {}, {"content": b"{}"}),
        ("request-not-valid", {}, {"json": {}}),
        ("request-too-costly", {"max_returned": 1}, {"json": FORWARD}),
        ("bad-request", {}, {"json": FORWARD, "headers": {"X-Request-Timeout": "soon"}}),
    ],
)
def test_an_error_is_counted_by_its_kind(kind: str, settings: dict[str, object], sent: dict[str, object]) -> None:
    service = InProcess(**settings)
    replies = []
    found = grown(service, lambda: replies.append(service.post("/v1/forward", **sent)))
    assert assert_problem(replies[0], replies[0].status_code).type == f"urn:chainrule:problem:{kind}"
    counted = {each: found("chainrule_errors_total", kind=each) for each in KINDS}
    assert counted == {each: float(each == kind) for each in KINDS}
    assert found("chainrule_requests_total", operation="forward", status="4xx") == 1


def test_every_title_of_an_error_is_a_kind() -> None:
    sources = [*(ROOT / "service/chainrule/operations").rglob("*.py"), *(ROOT / "service/chainrule/api").rglob("*.py")]
    titles = {title for source in sources for title in re.findall(r'[Tt]itle="([A-Z][^"]*)"', source.read_text())}
    assert {"Request not valid", "Request too costly"} < titles
    assert {Problem(400, "", title=title).kind for title in titles} <= set(KINDS)


def test_a_fault_and_one_who_drains_are_counted_among_5xx(monkeypatch: pytest.MonkeyPatch) -> None:
    service = InProcess()

    def fail(*_: object) -> None:
        raise RuntimeError("broken")

    def some() -> None:
        with monkeypatch.context() as patched:
            patched.setattr(service.app.calls, "recall", fail)
            assert service.post("/v1/loss", json=SOUND).status_code == 500
        assert service.get("/readyz").status_code == 503

    found = grown(service, some)
    assert found("chainrule_errors_total", kind="internal-server-error") == 1
    assert found("chainrule_errors_total", kind="service-unavailable") == 1
    assert found("chainrule_requests_total", operation="loss", status="5xx") == 1
    assert found("chainrule_requests_total", operation="readyz", status="5xx") == 1


def test_a_fault_in_an_item_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    service = InProcess()
    lines = [json.dumps({"id": id, "operation": "loss", "request": SOUND}) + "\n" for id in range(2)]

    def fail(*_: object) -> None:
        raise RuntimeError("broken")

    monkeypatch.setattr(service.app.calls, "parse_part", fail)
    found = grown(service, lambda: service.post("/v1/batch", content="".join(lines), headers=NDJSON))
    assert found("chainrule_item_errors_total", kind="internal-server-error") == 2
    assert found("chainrule_items_total", status="5xx") == 2
    assert found("chainrule_requests_total", operation="batch", status="2xx") == 1


def test_capacity_callers_that_leave_and_what_is_in_flight(log: Path) -> None:
    large = padded(FORWARD, 40_000)
    with live_service(log, concurrency=1, queue=1) as service, service.client() as client:
        with Held(service, large) as first, Held(service, large) as second:
            with pytest.raises(NotTaken):
                Held(service, large)
            until_counted(client, "chainrule_errors_total", 1, kind="at-capacity")
            until_counted(client, "chainrule_in_flight_requests", 3)  # the two, and the scrape
            second.hang_up()
            until_counted(client, "chainrule_errors_total", 1, kind="caller-left")
            assert first.finish().status == 200
        until_counted(client, "chainrule_in_flight_requests", 1)
        assert scrape(client)("chainrule_requests_total", operation="forward", status="4xx") == 2


def test_no_label_is_of_a_callers_making(small: LiveService) -> None:
    word = "wordOfTheCaller"
    with small.client() as client:
        client.get(f"/{word}")
        client.post(f"/v1/{word}", json={word: word}, headers=with_key(word, **{"X-Request-ID": word}))
        client.request(word.upper(), "/v1/forward")
        client.post("/v1/forward", json={**FORWARD, "dtype": word})
        text = client.get("/metrics").text
    assert word.lower() not in text.lower()
    found = Scrape(text)
    operations = {dict(labels).get("operation") for _, labels in found.samples}
    assert operations <= {None, *POSTS, "livez", "readyz", "metrics", "other"}


def test_the_process_and_the_versions_are_told(small: LiveService) -> None:
    with small.client() as client:
        found = scrape(client)
        version = client.get("/v1/info").json()["version"]
    assert found("process_resident_memory_bytes", process="0") == pytest.approx(small.memory(), rel=0.2)
    (built,) = (dict(labels) for name, labels in found.samples if name == "chainrule_build_info")
    assert built["version"] == version


def test_who_may_read_them() -> None:
    keys = {"keys": hashed("all"), "grade_keys": hashed("grading")}
    assert InProcess(**keys).get("/metrics").status_code == 200
    keyed = InProcess(**keys, metrics="keys")
    assert_problem(keyed.get("/metrics"), 401)
    assert_problem(keyed.get("/metrics", headers=with_key("grading")), 403)
    assert keyed.get("/metrics", headers=with_key("all")).status_code == 200
    assert_problem(InProcess(metrics="off").get("/metrics"), 404)


def test_every_metric_is_on_the_page_and_no_other(small: LiveService) -> None:
    page = (ROOT / "docs" / "deploy.md").read_text(encoding="utf-8")
    with small.client() as client:
        found = scrape(client)
    told = {f"{name}_total" if family.type == "counter" else name for name, family in found.families.items()}
    told = {name for name in told if name.startswith("chainrule_")} - {"chainrule_build"} | {"chainrule_build_info"}
    listed = {line.split("`")[1] for line in page.splitlines() if line.startswith("| `chainrule_")}
    assert listed == told
    samples = {name for name, _ in found.samples} | {f"{name}_{end}" for name in told for end in ("bucket", "sum")}
    assert set(re.findall(r"\b(?:chainrule|process)_[a-z_]+(?=[{\[` ])", page)) <= samples | told
