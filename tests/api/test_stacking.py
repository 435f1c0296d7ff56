"""Items of a batch computed together: each gets the reply that it gets alone, whatever its neighbours are."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from api.batches import NDJSON
from api.in_process import InProcess
from api.stacked_requests import KINDS, Tree, classes, draw_anew, drawn, net, probabilities
from chainrule.api.authentication import ANYONE
from chainrule.api.items import Items
from chainrule.api.lines import Line
from chainrule.api.stacking import NUMBER, answers
from chainrule.engine.cost import Cost
from chainrule.engine.trace import never
from chainrule.operations import Calls, Refused
from chainrule.operations.results import warn_nonfinite
from chainrule.operations.stacks import MOST, MOST_HELD, Stack, most_of
from chainrule.schemas.encoding import encode


@pytest.fixture(autouse=True)
def _drawn_anew() -> None:
    """Each test has numbers of its own, whichever ran before it."""
    draw_anew()


@pytest.fixture
def stacks(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many requests there were in each stack that ran."""
    heights: list[int] = []
    run = Stack.run

    def counted(self: Stack, cancelled: Callable[[], bool] = never) -> Any:
        heights.append(len(self.arrays[0]))
        return run(self, cancelled)

    monkeypatch.setattr(Stack, "run", counted)
    return heights


def items() -> Items:
    return Items(Calls(), ANYONE, SimpleNamespace(request_id="r"), 1 << 20)  # type: ignore[arg-type]


def lines_of(requests: list[Any], operation: str = "gradients") -> list[Line]:
    texts = [
        each
        if isinstance(each, bytes)
        else json.dumps({"id": number, "operation": operation, "request": each}).encode()
        for number, each in enumerate(requests)
    ]
    return [Line(number, text) for number, text in enumerate(texts, start=1)]


def answered(lines: list[Line], cancelled: Callable[[], bool] = never) -> list[Tree]:
    found = list(answers(items(), lines, lambda: cancelled))
    trees: list[Tree] = [json.loads(text) for _, text in found]
    assert [status for status, _ in found] == [each["status"] for each in trees]
    return trees


def alone(request: Tree, operation: str = "gradients") -> Tree:
    """The reply of the operation to this request and no other."""
    reply = Calls().parse(operation, json.dumps(request).encode()).run()
    tree: Tree = json.loads(encode(reply, lambda paths: warn_nonfinite(reply, paths)))
    return tree


def assert_same(found: Any, wanted: Any, tolerance: float = 1e-12) -> None:
    """Numbers to rounding, all else to the letter."""
    if isinstance(wanted, dict):
        assert list(found) == list(wanted)
        for name in wanted:
            assert_same(found[name], wanted[name], tolerance)
    elif _is_numbers(wanted):
        np.testing.assert_allclose(found, wanted, rtol=tolerance, atol=tolerance)
        assert np.shape(found) == np.shape(wanted)
    else:
        assert found == wanted


def _is_numbers(value: Any) -> bool:
    return isinstance(value, int | float) or (
        isinstance(value, list) and bool(value) and np.asarray(value).dtype.kind in "fi"
    )


@pytest.mark.parametrize("backend", ["numpy", "torch"])
@pytest.mark.parametrize("kind", KINDS)
def test_each_gets_the_reply_that_it_gets_alone(kind: str, backend: str, stacks: list[int]) -> None:
    requests = [KINDS[kind](backend=backend) for _ in range(7)]
    found = answered(lines_of(requests))
    assert stacks == [7]
    for number, (each, request) in enumerate(zip(found, requests, strict=True)):
        assert (each["id"], each["status"]) == (number, 200)
        assert_same(each["reply"], alone(request))


@pytest.mark.parametrize("operation", ["loss", "forward"])
@pytest.mark.parametrize("backend", ["numpy", "torch"])
def test_loss_and_forward_too(operation: str, backend: str, stacks: list[int]) -> None:
    requests = [net(backend=backend, dtype="float32") for _ in range(5)]
    found = answered(lines_of(requests, operation))
    assert stacks == [5]
    for each, request in zip(found, requests, strict=True):
        assert_same(each["reply"], alone(request, operation), 1e-5)


@pytest.mark.parametrize("more", [{"steps": True}, {"per_example": True}, {"verify": True}])
def test_what_has_more_to_say_is_computed_alone(more: Tree, stacks: list[int]) -> None:
    requests = [net(**more) for _ in range(4)]
    found = answered(lines_of(requests))
    assert stacks == []
    for each, request in zip(found, requests, strict=True):
        assert each["reply"].keys() == alone(request).keys()


def test_structures_and_shapes_side_by_side(stacks: list[int]) -> None:
    makers = [net, classes, lambda: net(inputs=drawn(5, 2), targets=drawn(5, 2)), probabilities]
    requests = [makers[number % 4]() for number in range(20)]
    found = answered(lines_of(requests))
    assert sorted(stacks) == [5, 5, 5, 5]
    for each, request in zip(found, requests, strict=True):
        assert_same(each["reply"], alone(request))


def test_more_structures_than_are_told_at_a_glance(stacks: list[int]) -> None:
    makers = [*KINDS.values(), *(lambda scale=scale: net(loss={"op": "mse", "scale": scale}) for scale in range(2, 8))]
    requests = [make() for _ in range(4) for make in makers]
    found = answered(lines_of(requests))
    assert stacks == [4] * len(makers)
    for each, request in zip(found, requests, strict=True):
        assert_same(each["reply"], alone(request))


def faulty() -> dict[str, Any]:
    """Requests of one structure with `net`, and what each has that the others have not."""
    malformed = json.dumps({"id": "m", "operation": "gradients", "request": net()}).replace("]], ", "], [1, 2x]], ", 1)
    unfinished = json.dumps({"id": "u", "operation": "gradients", "request": net()}).replace("]], ", "]]], ", 1)
    overflowing = net()
    overflowing["network"]["layers"][0]["weight"] = [[1e308, 1e308]] * 3
    overflowing["network"]["layers"][2]["weight"] = [[1e308] * 3] * 2
    overflowing["inputs"] = [[1e10, 1e10]] * 4
    return {
        "malformed": malformed.encode(),
        "unfinished": unfinished.encode(),
        "text": net(inputs=[["1", 2]] * 4),
        "null": net(inputs=[[None, 2]] * 4),
        "boolean": net(inputs=[[True, 2]] * 4),
        "ragged": net(inputs=[[1.0, 2.0], [1.0]]),
        "empty": net(inputs=[]),
        "another shape": net(inputs=drawn(4, 3)),
        "fewer examples": net(targets=drawn(3, 2)),
        "not finite": overflowing,
        "number": net(inputs=1.0),
    }


@pytest.mark.parametrize("fault", faulty())
def test_a_fault_is_told_in_its_place_and_nowhere_else(fault: str, stacks: list[int]) -> None:
    requests: list[Any] = [net() for _ in range(24)]
    requests[5] = faulty()[fault]
    lines = lines_of(requests)
    found = answered(lines)
    assert max(stacks) >= 10
    (wanted,) = answered(lines[5:6])
    assert found[5] == wanted
    assert (wanted["status"] == 200) == (fault == "not finite")
    for number in {*range(24)} - {5}:
        assert_same(found[number]["reply"], alone(requests[number]))


def test_kinks_warnings_and_fused_derivatives_are_told_of_those_that_have_them(stacks: list[int]) -> None:
    requests = [classes() for _ in range(6)]
    requests[2]["inputs"][1] = [0, 0]
    found = answered(lines_of(requests))
    assert [each["reply"]["kink_count"] for each in found] == [0, 0, 3, 0, 0, 0]
    for make, spoilt in ((probabilities, [[50.0, 0.0]] * 4), (lambda: probabilities(loss="bce_logits"), None)):
        requests = [make() for _ in range(6)]
        if spoilt:
            requests[3]["inputs"] = spoilt
            requests[3]["network"]["layers"][0]["weight"] = [[1.0, 0.0]] * 3
        else:
            requests[3]["targets"][0][0] = 1.5
        found = answered(lines_of(requests))
        wanted = [alone(each) for each in requests]
        assert [bool(each["warnings"]) for each in wanted] == [False, False, False, True, False, False]
        for each, reply in zip(found, wanted, strict=True):
            assert_same(each["reply"], reply)
    assert stacks == [6, 6, 6]


def test_targets_that_are_no_classes_are_refused_one_by_one(stacks: list[int]) -> None:
    requests = [classes() for _ in range(8)]
    requests[1]["targets"] = [2.0, 0, 1, 1]
    requests[6]["targets"] = [0, 1, 3, 0]
    found = answered(lines_of(requests))
    assert [each["status"] for each in found] == [200, 422, 200, 200, 200, 200, 422, 200]
    for number in (1, 6):
        with pytest.raises(Refused) as refusal:
            alone(requests[number])
        assert found[number]["problem"]["detail"] == refusal.value.detail


def test_ids_however_they_are_written(stacks: list[int]) -> None:
    request = json.dumps(net())
    ids = ["1", '"a b/c"', "-7", '"\\u00e9"', '"é"', "0", '"x"', "123456789012345678", '"1"', "-0"]
    texts = [f'{{"id": {each}, "operation": "gradients", "request": {request}}}' for each in ids]
    texts += [f'{{"id": 5, "operation": "gradients", "request": {request}, "id": 6}}'] * 2
    texts += [f'{{"id": {each}, "operation": "gradients", "\\u0069d": 6, "request": {request}}}' for each in (6, 5)]
    texts += [f'{{"id": {"9" * 30}{each}, "operation": "gradients", "request": {request}}}' for each in ("", "0" * 200)]
    found = answered([Line(number, text.encode()) for number, text in enumerate(texts)])
    assert [each["id"] for each in found[:10]] == [json.loads(each) for each in ids]
    assert [each["id"] for each in found[10:14]] == [6] * 4
    assert len(stacks) == 1


def test_one_that_is_cut_short_is_computed_no_further(stacks: list[int]) -> None:
    requests = [net() for _ in range(5)]
    found = answered(lines_of(requests), cancelled=lambda: True)
    assert {each["status"] for each in found} == {408}
    assert stacks == [5]


def test_a_stack_that_breaks_costs_no_item_its_reply(monkeypatch: pytest.MonkeyPatch) -> None:
    faults: list[Exception] = []
    monkeypatch.setattr(Stack, "run", lambda self, cancelled: 1 / 0)
    monkeypatch.setattr("chainrule.api.items.log_fault", lambda exchange, error: faults.append(error))
    found = answered(lines_of([net() for _ in range(5)]))
    assert [each["status"] for each in found] == [200] * 5
    assert list(map(type, faults)) == [ZeroDivisionError]


def test_a_device_that_is_not_here_is_no_fault_of_a_stack(monkeypatch: pytest.MonkeyPatch) -> None:
    faults: list[Exception] = []
    monkeypatch.setattr("chainrule.api.items.log_fault", lambda exchange, error: faults.append(error))
    found = answered(lines_of([net(device="cuda:999") for _ in range(5)]))
    assert [each["status"] for each in found] == [422] * 5
    assert faults == []


@pytest.mark.parametrize("shortage", [MemoryError(), RuntimeError("CUDA out of memory")])
def test_a_stack_for_which_memory_is_short_is_computed_one_by_one(
    shortage: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def short(self: Stack, cancelled: Callable[[], bool]) -> Any:
        raise shortage

    monkeypatch.setattr(Stack, "run", short)
    requests = [net() for _ in range(5)]
    for each, request in zip(answered(lines_of(requests)), requests, strict=True):
        assert_same(each["reply"], alone(request))


def test_where_many_are_at_fault_few_stacks_are_tried(stacks: list[int]) -> None:
    requests = [classes() for _ in range(60)]
    for request in requests[::3]:
        request["targets"] = [0, 1, 3, 0]
    found = answered(lines_of(requests))
    assert [each["status"] for each in found] == [422, 200, 200] * 20
    assert sorted(stacks, reverse=True) == [60, *[10] * 6]


def test_answers_are_made_when_they_are_asked_for(stacks: list[int]) -> None:
    following: Iterator[Any] = answers(items(), lines_of([net() for _ in range(2 * MOST)]), lambda: never)
    next(following)
    assert stacks == [MOST]
    for _ in range(MOST):
        next(following)
    assert stacks == [MOST, MOST]


@pytest.mark.parametrize("waits", [False, True])
def test_what_is_long_is_told_before_it_is_made_and_may_have_to_wait(waits: bool) -> None:
    request = {"network": {"layers": [{"op": "broadcast", "shape": [60_000]}]}, "inputs": [[0.1]], "backend": "numpy"}
    due, (status, text) = waited(answers(items(), lines_of([request], "forward"), lambda: never), waits)
    assert due.size == 60_000 * NUMBER
    assert due.call is None, "what made the answer is not kept while that is sent"
    assert status == 200
    assert json.loads(text)["reply"] == alone(request, "forward")


def waited(following: Iterator[Any], waits: bool) -> list[Any]:
    """What follows, where what is due has to wait or not."""
    due = next(following)
    assert due.call is not None
    if waits:
        due.wait()
    return [due, *following]


def counted(service: InProcess) -> dict[str, float]:
    """The metric of stacks."""
    told = dict(line.rsplit(" ", 1) for line in service.get("/metrics").text.splitlines() if line[0] != "#")
    return {name: float(told.get(f"chainrule_stack_items_{name}", 0)) for name in ("count", "sum")}


def test_stacks_are_counted() -> None:
    service = InProcess()
    body = b"".join(b"%b\n" % line.text for line in lines_of([net() for _ in range(6)]))
    before = counted(service)
    service.post("/v1/batch", content=body, headers=NDJSON)
    after = counted(service)
    assert {name: after[name] - before[name] for name in after} == {"count": 1, "sum": 6}


def test_a_stack_is_bounded_by_what_it_holds() -> None:
    assert most_of(Cost(flops=1, held=1, returned=1)) == MOST
    assert most_of(Cost(held=MOST_HELD // 10)) == 10
    assert most_of(Cost(flops=10**12)) == 0


def test_large_items_are_computed_alone(stacks: list[int]) -> None:
    layers = [{"op": "linear", "weight": drawn(200, 2)}, {"op": "linear", "weight": drawn(200, 200)}, {"op": "mean"}]
    request = {"network": {"layers": layers}, "inputs": drawn(400, 2), "targets": drawn(400), "loss": "mse"}
    found = answered(lines_of([request] * 3))
    assert [each["status"] for each in found] == [200] * 3
    assert stacks == []
