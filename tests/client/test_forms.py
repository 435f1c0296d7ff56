"""In which form calls go out and replies come back."""

from __future__ import annotations

import asyncio
from typing import Any

import anyio
import httpx
import numpy as np
import pytest

from chainrule.schemas.binary import REPLY, REQUEST, read_tree, write_tree
from chainrule_client import APIError, AsyncClient, Client, Network, ResponseInvalid, identity, linear, local
from chainrule_client.tensors import LARGE

KIND = "application/vnd.safetensors"
RNG = np.random.default_rng(3)
LONG = RNG.normal(size=(LARGE // 8, 1))
SHORT = LONG[:4]
NETWORK = Network.layers(linear(np.array([[2.0], [0.5]], np.float32), [0.5, 1.0]))
META = {"warnings": [], "meta": {}}
REFUSAL = {"title": "Unsupported Media Type", "status": 415}


def answer(request: httpx.Request) -> httpx.Response:
    """In the form that is asked for."""
    tree = {"outputs": np.array([[1.0, np.nan]], np.float32), **META}
    if KIND in request.headers["Accept"]:
        return httpx.Response(200, content=b"".join(write_tree(tree, REPLY)), headers={"Content-Type": KIND})
    return httpx.Response(200, json={"outputs": [[1.0, "NaN"]], **META})


def json_alone(request: httpx.Request) -> httpx.Response:
    """A service of before."""
    known = request.headers["Content-Type"] == "application/json"
    return answer(request) if known else httpx.Response(415, json=REFUSAL)


def kinds(call: Any) -> list[str]:
    return [request.headers["Content-Type"] for request in call.sent]


@pytest.mark.parametrize(
    ("inputs", "binary", "kind"),
    [
        (SHORT, None, "application/json"),
        (LONG, None, KIND),
        (LONG.tolist(), None, "application/json"),
        (SHORT, True, KIND),
        (LONG, False, "application/json"),
    ],
)
def test_the_form_is_by_size_unless_it_is_told(call: Any, inputs: Any, binary: bool | None, kind: str) -> None:
    reply = call(answer, "forward", NETWORK, inputs, settings={"binary": binary})
    assert kinds(call) == [kind]
    np.testing.assert_array_equal(reply.outputs, [[1.0, np.nan]], strict=True)


def test_a_large_torch_tensor_counts(call: Any) -> None:
    torch = pytest.importorskip("torch")
    call(answer, "forward", NETWORK, torch.tensor(LONG, dtype=torch.bfloat16))
    assert kinds(call) == [KIND]
    sent = read_tree(call.sent[0].content, REQUEST)
    np.testing.assert_array_equal(sent["inputs"], torch.tensor(LONG, dtype=torch.bfloat16).float().numpy(), strict=True)


def test_arrays_travel_in_their_own_precision(call: Any) -> None:
    inputs = np.concatenate([LONG, LONG]).astype(np.float32)
    call(answer, "gradients", NETWORK, inputs, np.arange(len(inputs)).astype(np.uint8), "mse")
    sent = read_tree(call.sent[0].content, REQUEST)
    assert sent["inputs"].dtype == np.float32
    assert sent["targets"].dtype == np.int64
    assert sent["network"]["layers"][0]["weight"].dtype == np.float32
    assert sent["network"]["layers"][0]["bias"] == [0.5, 1.0]


def test_a_large_call_is_the_same_in_json(call: Any) -> None:
    narrow = LONG.astype(np.float32)
    call(answer, "forward", NETWORK, narrow, settings={"binary": False})
    call(answer, "forward", NETWORK.spec, narrow.astype(np.float64).tolist())
    assert call.sent[0].content == call.sent[1].content


def test_answers_may_be_anything_in_either_form(call: Any) -> None:
    endless: list[Any] = []
    endless.append(endless)
    answers = {"outputs": np.where(LONG > 0, LONG, np.nan), "loss": None, "gradients": {"W1": endless, "b1": {1}}}
    problem = {"network": NETWORK, "inputs": LONG, "targets": LONG, "loss": "mse"}
    for binary in (True, False):
        call(answer, "grade", problem, answers, settings={"binary": binary})
    packed = read_tree(call.sent[0].content, REQUEST)["answers"]
    assert np.isnan(packed["outputs"]).sum() == (LONG <= 0).sum()
    assert call.sent[1].content.count(b'"NaN"') == (LONG <= 0).sum()


def test_lists_too_long_for_a_header_go_as_json(call: Any) -> None:
    call(answer, "forward", NETWORK, {"x": LONG, "z": [[0.123456789] * 1_000] * 500})
    assert kinds(call) == ["application/json"]


def test_a_service_that_takes_json_alone_is_asked_once() -> None:
    sent: list[str] = []

    def noting(request: httpx.Request) -> httpx.Response:
        sent.append(request.headers["Content-Type"])
        return json_alone(request)

    with Client("http://service", transport=httpx.MockTransport(noting)) as client:
        for _ in range(2):
            assert client.forward(NETWORK, LONG).outputs.shape == (1, 2)
    assert sent == [KIND, "application/json", "application/json"]


def test_calls_on_their_way_when_the_first_is_not_taken_go_again_as_well() -> None:
    all_sent = anyio.Event()
    sent: list[str] = []

    async def together(request: httpx.Request) -> httpx.Response:
        sent.append(request.headers["Content-Type"])
        if len(sent) == 3:
            all_sent.set()
        await all_sent.wait()
        return json_alone(request)

    async def calls() -> list[Any]:
        async with AsyncClient("http://service", transport=httpx.MockTransport(together)) as client:
            return await asyncio.gather(*(client.forward(NETWORK, LONG) for _ in range(3)))

    assert [reply.outputs.shape for reply in asyncio.run(calls())] == [(1, 2)] * 3
    assert sent == [KIND] * 3 + ["application/json"] * 3


def test_a_form_that_was_told_is_not_changed(call: Any) -> None:
    with pytest.raises(APIError) as caught:
        call(json_alone, "forward", NETWORK, LONG, settings={"binary": True})
    assert caught.value.status == 415
    assert kinds(call) == [KIND]


def test_an_answer_that_is_no_file_is_invalid(call: Any) -> None:
    with pytest.raises(ResponseInvalid, match="cannot be read"):
        call(lambda _: httpx.Response(200, content=b"{}", headers={"Content-Type": KIND}), "forward", NETWORK, LONG)


def test_what_comes_in_binary_is_the_callers_own(call: Any) -> None:
    reply = call(answer, "forward", NETWORK, LONG)
    reply.outputs[0, 0] = 7
    assert reply.outputs.dtype == np.float64


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_the_service_answers_alike_in_either_form_and_as_in_process(url: str, dtype: str) -> None:
    inputs, targets = LONG.astype(dtype), np.concatenate([LONG, -LONG], axis=1)
    asked = {"network": NETWORK, "inputs": inputs, "targets": targets, "loss": "mse", "wrt": "all", "steps": True}
    replies = []
    for binary in (True, False):
        with Client(url, binary=binary) as client:
            replies.append(client.gradients(**asked, backend="numpy", dtype=dtype))
    replies.append(local.gradients(**asked, dtype=dtype))
    for name, gradient in replies[0].gradients.items():
        for other in replies[1:]:
            np.testing.assert_array_equal(gradient.astype(dtype), other.gradients[name].astype(dtype), strict=True)
    with Client(url, binary=True) as client:
        answers = {"outputs": replies[0].outputs, "gradients.W1": replies[0].gradients["W1"]}
        report = client.grade({**{k: asked[k] for k in ("network", "inputs", "targets", "loss")}}, answers)
    assert [item["status"] for item in report["items"]] == ["correct"] * 2
    drawn = client_instances(url)
    np.testing.assert_array_equal(drawn[0], drawn[1], strict=True)


TENTHS = (0.1 * np.arange(1.0, 2 * LARGE + 1)).reshape(4, -1)
NARROW = TENTHS.astype(np.float32)
ROWS: dict[str, Any] = {
    "arrays": list(TENTHS),
    "narrow arrays": list(NARROW),
    "an array and a list": [NARROW[0], TENTHS[1].tolist()],
    "arrays of two widths": [NARROW[0], TENTHS[1]],
    "pairs of arrays": [[TENTHS[0], TENTHS[1]], [TENTHS[2], TENTHS[3]]],
    "a pair and lists": [[NARROW[0], NARROW[1]], TENTHS[2:].tolist()],
    "torch tensors": "torch",
}


@pytest.mark.parametrize("rows", ROWS.values(), ids=ROWS)
def test_rows_may_be_arrays_in_either_form_and_in_process(url: str, rows: Any) -> None:
    if rows == "torch":
        rows = list(pytest.importorskip("torch").tensor(TENTHS))
    network, whole = Network.layers(identity()), np.array([[*map(np.asarray, row)] for row in rows], np.float64)
    problem = {"network": network, "inputs": whole, "targets": whole, "loss": "mse"}
    with Client(url) as usual, Client(url, binary=True) as binary, Client(url, binary=False) as in_json:
        for each in (usual, binary, in_json, local):
            np.testing.assert_array_equal(each.forward(network, rows).outputs, whole, strict=True)
            assert [item["status"] for item in each.grade(problem, {"outputs": rows})["items"]] == ["correct"]


@pytest.mark.parametrize("amiss", [[1.0, None], [1.0], np.array([np.nan, 1.0]), [["a", 1.0]], np.array(["a", "b"])])
def test_rows_that_make_no_tensor_are_told_alike_in_either_form(url: str, amiss: Any) -> None:
    inputs = np.ones((2, 2))
    problem = {"network": Network.layers(identity()), "inputs": inputs, "targets": inputs, "loss": "mse"}
    told = []
    for binary in (True, False):
        with Client(url, binary=binary) as client:
            told.append(client.grade(problem, {"outputs": [inputs[0], amiss]})["items"][0])
    assert told[0] == told[1]
    assert told[0]["status"] != "correct"


def client_instances(url: str) -> list[Any]:
    found = []
    for binary in (True, False):
        with Client(url, binary=binary) as client:
            found.append(client.instances(problem="nyu-hw1/1.3a", seed=7).problem["inputs"])
    return found
