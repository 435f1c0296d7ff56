"""`flow`: norms are those of the gradients, alternatives stand where they should, shares are counted, refusals."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose

from chainrule.operations import Calls, Limits, Refused, run
from pictures.reading import assert_legible, texts

N, WIDTH, LAYERS = 64, 20, 10
BACKENDS = pytest.mark.parametrize("backend", ["numpy", "torch"])


def deep(activation: str, weight: float = (2 / WIDTH) ** 0.5, bias: float = 1.0, **more: Any) -> dict[str, Any]:
    """Ten layers with weights of He's scale."""
    parameters: dict[str, Any] = {"V": {"shape": [3, WIDTH], "scale": weight, "seed": 99}}
    layers: list[dict[str, Any]] = []
    for layer in range(1, LAYERS + 1):
        parameters[f"W{layer}"] = {"shape": [WIDTH, WIDTH], "scale": weight, "seed": layer}
        parameters[f"b{layer}"] = {"shape": [WIDTH], "scale": bias, "seed": 100 + layer}
        layers += [{"op": "linear", "weight": f"W{layer}", "bias": f"b{layer}"}, {"op": activation}]
    layers.append({"op": "linear", "weight": "V", "name": "out"})
    draw = np.random.default_rng(3)
    given = {"inputs": draw.normal(size=(N, WIDTH)), "targets": draw.normal(size=(N, 3)), "loss": "mse"}
    return {"network": {"parameters": parameters, "layers": layers}, **given, "backend": "numpy", **more}


def small(**more: Any) -> dict[str, Any]:
    rng = np.random.default_rng(12)
    layers = [
        {"op": "linear", "weight": rng.normal(size=(7, 3)), "bias": rng.normal(size=7)},
        {"op": "tanh"},
        {"op": "linear", "weight": rng.normal(size=(5, 7))},
        {"op": "sigmoid"},
    ]
    given = {"inputs": rng.normal(size=(6, 3)), "targets": rng.uniform(size=(6, 5)), "loss": "bce"}
    return {"network": {"layers": layers}, **given, "backend": "numpy", **more}


def at(found: Any, node: str) -> Any:
    return next(each for each in found["nodes"] if each["node"] == node)


@BACKENDS
@pytest.mark.parametrize("alternative", ["relu", "sigmoid", {"op": "elu", "alpha": 2.0}])
def test_norms_are_those_of_the_gradients(alternative: Any, backend: str) -> None:
    request = small(backend=backend)
    (found,) = run("flow", {**request, "alternatives": [alternative]})["flows"]
    spec = {"op": alternative} if isinstance(alternative, str) else alternative
    layers = [*request["network"]["layers"]]
    layers[1] = spec
    truth = run("gradients", {**request, "network": {"layers": layers}, "wrt": "all"})
    assert [each["node"] for each in found["nodes"]] == ["s1", "a1", "s2", "a2"]
    for each in found["nodes"]:
        assert_allclose(each["cotangent"], np.linalg.norm(truth["gradients"][each["node"]]), rtol=1e-12)
    for name, size in found["gradients"].items():
        assert_allclose(size, np.linalg.norm(truth["gradients"][name]), rtol=1e-12)
    assert list(found["gradients"]) == ["W1", "b1", "W2"]
    assert_allclose(found["loss"], truth["loss"])


@BACKENDS
def test_shares_are_counted(backend: str) -> None:
    request = small(backend=backend, alternatives=["relu", "tanh", "identity"])
    relu, tanh, identity = run("flow", request)["flows"]
    first = request["network"]["layers"][0]
    s = request["inputs"] @ first["weight"].T + first["bias"]
    assert at(relu, "a1")["inactive"] == pytest.approx(np.mean(s <= 0))
    assert at(relu, "a1")["saturated"] is None
    assert at(tanh, "a1")["saturated"] == pytest.approx(np.mean(1 - np.tanh(s) ** 2 <= 0.05))
    assert at(tanh, "a1")["inactive"] is None
    assert (at(identity, "a1")["saturated"], at(identity, "a1")["inactive"]) == (None, None)
    assert (at(tanh, "s1")["saturated"], at(tanh, "s1")["inactive"]) == (None, None)


def test_over_ten_layers_tanhs_cotangent_shrinks_and_relus_much_less() -> None:
    tanh, relu = run("flow", deep("tanh", alternatives=["tanh", "relu"]))["flows"]
    shrunk = {name: at(flow, "s10")["cotangent"] / at(flow, "s1")["cotangent"] for name, flow in
              (("tanh", tanh), ("relu", relu))}  # fmt: skip
    assert shrunk["tanh"] > 4
    assert shrunk["relu"] < 1.5


def test_by_default_every_activation_but_the_output_gives_way() -> None:
    reply = run("flow", small(alternatives=["relu"]))
    assert reply["at"] == ["a1"]
    assert [at(reply["flows"][0], node)["op"] for node in ("a1", "a2")] == ["relu", "sigmoid"]
    everywhere = run("flow", small(alternatives=["softplus"], at=["y_hat", "a1"], loss="mse"))
    assert everywhere["at"] == ["a2", "a1"]
    assert [at(everywhere["flows"][0], node)["op"] for node in ("a1", "a2")] == ["softplus", "softplus"]


def test_without_alternatives_the_network_is_taken_as_it_is() -> None:
    request = small()
    (found,) = run("flow", request)["flows"]
    (same,) = run("flow", {**request, "alternatives": ["tanh"]})["flows"]
    assert found["activation"] is None
    assert found["nodes"] == same["nodes"]


def test_an_alternative_is_called_by_its_op_and_the_options_it_changes() -> None:
    given = ["silu", {"op": "leaky_relu"}, {"op": "leaky_relu", "slope": 0.25}, {"op": "gelu", "approximate": "tanh"}]
    names = ["silu", "leaky_relu", "leaky_relu, slope 0.25", "gelu, approximate tanh"]
    flows = run("flow", small(alternatives=given))["flows"]
    assert [each["activation"] for each in flows] == names


@BACKENDS
def test_an_upstream_stands_in_place_of_a_loss(backend: str) -> None:
    upstream = np.random.default_rng(13).normal(size=(6, 5))
    request = small(backend=backend, upstream=upstream)
    del request["loss"], request["targets"]
    (found,) = run("flow", request)["flows"]
    assert "loss" not in found
    assert at(found, "a2")["cotangent"] == pytest.approx(np.linalg.norm(upstream))


def test_what_does_not_reach_the_loss_gets_nothing() -> None:
    nodes = [
        {"name": "f", "op": "tanh", "inputs": ["x"]},
        {"name": "aside", "op": "relu", "inputs": ["x"]},
    ]
    request = {"network": {"nodes": nodes, "output": "f"}, "inputs": [[0.5, -1.0]], "upstream": [[1.0, 1.0]]}
    (found,) = run("flow", {**request, "backend": "numpy"})["flows"]
    assert at(found, "aside")["cotangent"] == 0
    assert at(found, "aside")["inactive"] == 0.5


def test_kinks_are_counted_and_warnings_say_of_what() -> None:
    request = {
        "network": {"layers": [{"op": "linear", "weight": [[1, 0], [0, 1]]}, {"op": "tanh"}, {"op": "sigmoid"}]},
        "inputs": [[0.0, 1e3]],
        "targets": [[0.0, 1.0]],
        "loss": {"op": "bce"},
        "backend": "numpy",
    }
    tanh, relu = run("flow", {**request, "alternatives": ["tanh", "relu"]})["flows"]
    assert (tanh["kink_count"], relu["kink_count"]) == (0, 1)
    warnings = run("flow", {**request, "alternatives": ["tanh", "relu"]})["warnings"]
    assert warnings
    assert all(warning.startswith("relu: ") for warning in warnings)


def test_the_plot_has_a_line_for_each_and_can_be_read() -> None:
    reply = run("flow", deep("tanh", alternatives=["tanh", "relu", {"op": "leaky_relu", "slope": 0.1}], format="svg"))
    assert_legible(reply["svg"])
    assert {"tanh", "relu", "leaky_relu, slope 0.1", "a10", "W1"} <= set(texts(reply["svg"]))
    assert "svg" not in run("flow", small())


@pytest.mark.parametrize("scale", [0.0, 1e-30, 1e30])
def test_a_plot_of_extremes_can_be_read(scale: float) -> None:
    reply = run("flow", deep("relu", weight=scale, alternatives=["relu", "tanh"], format="svg"))
    assert_legible(reply["svg"])


def test_a_plot_of_a_very_deep_network_is_no_larger() -> None:
    chain = [{"op": "scale", "factor": 0.9}, {"op": "tanh"}] * 1500
    network = {"layers": chain}
    reply = run("flow", {"network": network, "inputs": [[1.0]], "upstream": [[1.0]], "format": "svg"})
    assert len(reply["svg"]) < 300_000
    assert_legible(reply["svg"])


@pytest.mark.parametrize(
    ("change", "pointer", "words"),
    [
        ({"alternatives": "relu"}, "/alternatives", r'write \["tanh", "relu"\]'),
        ({"alternatives": ["rleu"]}, "/alternatives/0", "did you mean relu"),
        ({"alternatives": [3]}, "/alternatives/0", "wants an object"),
        ({"alternatives": [{}]}, "/alternatives/0/op", "op is missing"),
        ({"alternatives": ["mse"]}, "/alternatives/0", "no such activation"),
        ({"alternatives": ["relu", {"op": "relu", "slope": 1}]}, "/alternatives/1/slope", "not a field here"),
        ({"alternatives": [{"op": "hardtanh", "min_val": 5.0}]}, "/alternatives/0", "the lower must be below"),
        ({"alternatives": ["clamp"]}, "/alternatives/0", "no bound"),
        ({"alternatives": ["tanh", "log"]}, "/alternatives/1", "with log: .*negative"),
        ({"alternatives": ["relu"] * 21}, "/alternatives", "at most 20"),
        (
            {"alternatives": ["relu", {"op": "leaky_relu", "slope": 1e39}], "dtype": "float32"},
            "/alternatives/1/slope",
            "beyond float32",
        ),
        ({"at": ["s1"]}, "/at/0", "no activation"),
        ({"at": ["W1"]}, "/at/0", "no activation"),
        ({"at": ["a9"]}, "/at/0", "no such name"),
        ({"at": ["a1", "a1"]}, "/at/1", "named twice"),
        ({"at": []}, "/at", "at least 1"),
        ({"loss": {"op": "mse", "reduction": "none"}}, "/loss/reduction", "one number"),
        ({"format": "dot"}, "/format", "svg"),
    ],
)
def test_refusals_point_at_what_is_wrong(change: dict[str, Any], pointer: str, words: str) -> None:
    with pytest.raises(Refused, match=words) as refused:
        run("flow", small(**change))
    assert refused.value.faults[0].pointer == pointer


def test_a_network_without_activations_has_none_to_replace() -> None:
    request = {"network": {"layers": [{"op": "scale", "factor": 2.0}]}, "inputs": [[1.0]], "upstream": [[1.0]]}
    assert run("flow", request)["at"] == []
    with pytest.raises(Refused, match="no activation before its output"):
        run("flow", {**request, "alternatives": ["relu"]})


def test_the_limits_count_every_alternative() -> None:
    one, two = (Calls().take("flow", small(alternatives=given)).cost for given in (["relu"], ["relu", "tanh"]))
    assert (two.flops, two.calls, two.returned) == (2 * one.flops, 2 * one.calls, 2 * one.returned)
    with pytest.raises(Refused, match="applications of an op"):
        Calls(Limits(calls=one.calls)).take("flow", small(alternatives=["relu", "tanh"]))
