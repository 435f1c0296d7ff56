"""Every function that rules are written in, on each backend: there, with the same numbers, and in the same dtype."""

import inspect

import numpy as np
import pytest

from chainrule.engine.backends import Namespace, choose
from chainrule.engine.backends.complex_step import STEP, ComplexNamespace

RNG = np.random.default_rng(0)
X = RNG.uniform(-2, 2, (2, 3, 4))
POSITIVE = RNG.uniform(0.1, 2, (2, 3, 4))
SECOND = RNG.uniform(-2, 2, (2, 3, 4))
WEIGHT, BIAS = RNG.uniform(-2, 2, (5, 4)), RNG.uniform(-2, 2, 5)
TALL = RNG.uniform(-2, 2, (200, 4))
CLASSES = np.array([[0, 3, -1], [4, 1, 2]])
EDGES = np.array([-745.0, -40.0, -1e-30, -0.0, 0.0, 1e-30, 40.0, 700.0])


def computed_in_its_context(xp, a):
    with xp.computing():
        return xp.exp(a(X))


ELEMENTWISE = ["exp", "expm1", "tanh", "erf", "abs", "sign", "step", "sigmoid", "softplus", "relu"]
CALLS = {
    **{f"{name}": lambda xp, a, name=name: getattr(xp, name)(a(X)) for name in ELEMENTWISE},
    **{f"{name}": lambda xp, a, name=name: getattr(xp, name)(a(POSITIVE)) for name in ("log", "log1p", "sqrt")},
    "asarray": lambda xp, a: a(X),
    "to_numpy": lambda xp, a: a(xp.to_numpy(a(X))),
    "computing": computed_in_its_context,
    "zeros": lambda xp, a: xp.zeros((2, 3)),
    "ones": lambda xp, a: xp.ones((2, 3)),
    "eye": lambda xp, a: xp.eye(3),
    "ones_like": lambda xp, a: xp.ones_like(a(X)),
    "clip": lambda xp, a: xp.clip(a(X), -0.5, float("inf")),
    "zero": lambda xp, a: xp.zero,
    "one": lambda xp, a: xp.one,
    "where_positive": lambda xp, a: xp.where_positive(a(X), a(np.stack([SECOND, X]))),
    "maximum": lambda xp, a: xp.maximum(a(X), a(SECOND)),
    "contract": lambda xp, a: xp.contract(a(X), a(X[0]))[0] + xp.contract(a(X[1]), a(X[0])),
    "matmul": lambda xp, a: xp.matmul(a(X), a(WEIGHT.T))[0] + xp.matmul(a(X[0]), a(WEIGHT.T)),
    "linear": lambda xp, a: xp.linear(a(X), a(WEIGHT), a(BIAS)) + xp.linear(a(X), a(WEIGHT), None),
    "where": lambda xp, a: xp.where(a(X) > 0, a(X), 2.5) + xp.where(a(X) > 0, 1.0, a(SECOND)),
    "as_float": lambda xp, a: xp.as_float(a(X) > 0) + xp.as_float(a(CLASSES))[..., None],
    "sum": lambda xp, a: xp.sum(a(X), (-1, -3)) + xp.sum(a(X), -1, keepdims=True)[..., 0],
    "sum_all": lambda xp, a: xp.sum_all(a(X)) + xp.sum_all(a(TALL)),
    "sum_leading": lambda xp, a: (
        xp.sum_leading(a(X), -3)
        + xp.sum_leading(a(X), -2)[1]
        + xp.sum_leading(a(X[0]), -2)
        + xp.sum_leading(a(TALL), -2)
    ),
    "times": lambda xp, a: xp.times(a(X), 0.1) + xp.times(xp.sum_all(a(X)), 0.1),
    "max": lambda xp, a: xp.max(a(X), (-1, -3)) + xp.max(a(X), -1, keepdims=True)[..., 0],
    "logsumexp": lambda xp, a: xp.logsumexp(a(X) * 1e2, -1) + xp.logsumexp(a(X), -1, keepdims=True)[..., 0],
    "softargmax": lambda xp, a: xp.softargmax(a(X) * 1e2, -2),
    "concat": lambda xp, a: xp.concat([a(X), a(SECOND)], -1),
    "moveaxis": lambda xp, a: xp.moveaxis(a(X), 0, 2),
    "permute": lambda xp, a: xp.permute(a(X), (1, 2, 0)),
    "broadcast_to": lambda xp, a: xp.broadcast_to(a(BIAS), (3, 5)),
    "contiguous": lambda xp, a: xp.contiguous(xp.permute(a(X), (1, 2, 0))),
    "one_hot": lambda xp, a: xp.one_hot(a(CLASSES), 4),
}
QUESTIONS = {
    "size": lambda xp, a: (xp.size(a(X)), xp.size(a(X)[0]), xp.size(xp.zero)),
    "examples": lambda xp, a: (xp.examples(a(X)), xp.examples(a(TALL))),
    "count_nonzero": lambda xp, a: (xp.count_nonzero(a(X) > 0), xp.count_nonzero(a(np.zeros(3)))),
    "is_integer": lambda xp, a: (xp.is_integer(a(CLASSES)), xp.is_integer(a(X))),
}
ATTRIBUTES = {"name", "dtype", "device", "number_axes", "tiny"}
OWN_COMPLEX = (
    "abs",
    "sign",
    "step",
    "softplus",
    "relu",
    "where_positive",
    "maximum",
    "clip",
    "max",
    "logsumexp",
    "softargmax",
    "sigmoid",
)


def members():
    named = {name for name in vars(Namespace) if not name.startswith("_")} | set(Namespace.__annotations__)
    return sorted(named)


@pytest.fixture(params=["numpy", "torch"])
def backend(request):
    return request.param


def test_each_member_of_the_protocol_is_tried_here():
    assert set(members()) == ATTRIBUTES | CALLS.keys() | QUESTIONS.keys()


@pytest.mark.parametrize("name", members())
def test_each_backend_has_each_member_with_the_same_arguments(name):
    for xp in (choose("numpy", "cpu", "float64"), choose("torch", "cpu", "float64"), ComplexNamespace()):
        member = getattr(xp, name)
        declared = getattr(Namespace, name, None)
        if inspect.isfunction(declared) and inspect.isfunction(member):
            wanted = len(inspect.signature(declared).parameters) - 1
            assert len(inspect.signature(member).parameters) == wanted


@pytest.mark.parametrize("name", CALLS)
def test_both_backends_give_the_same(name):
    found = {}
    for backend in ("numpy", "torch"):
        xp = choose(backend, "cpu", "float64")
        found[backend] = xp.to_numpy(CALLS[name](xp, xp.asarray))
    assert found["numpy"].shape == found["torch"].shape
    np.testing.assert_allclose(found["numpy"], found["torch"], rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_dtype_is_kept(backend, name, dtype):
    xp = choose(backend, "cpu", dtype)
    assert str(CALLS[name](xp, xp.asarray).dtype).removeprefix("torch.") == dtype


@pytest.mark.parametrize("name", QUESTIONS)
def test_both_backends_answer_alike_in_plain_python(name):
    answers = []
    for backend in ("numpy", "torch"):
        xp = choose(backend, "cpu", "float64")
        answers.append(QUESTIONS[name](xp, xp.asarray))
    assert answers[0] == answers[1]
    assert {type(answer) for answer in answers[0]} <= {int, bool}
    assert len(set(answers[0])) > 1


@pytest.mark.parametrize("name", ["sigmoid", "softplus", "relu", "step", "sign", "abs", "expm1", "erf", "tanh"])
def test_both_backends_agree_at_the_edges_to_every_digit(name):
    found = []
    for backend in ("numpy", "torch"):
        xp = choose(backend, "cpu", "float64")
        with np.errstate(over="ignore"):
            found.append(xp.to_numpy(getattr(xp, name)(xp.asarray(EDGES))))
    np.testing.assert_allclose(*found, rtol=1e-12, atol=1e-300)


def test_the_soft_maximum_of_infinities_is_one(backend):
    xp = choose(backend, "cpu", "float64")
    rows = np.array([[-np.inf, -np.inf], [-np.inf, 2], [np.inf, 2], [np.inf, np.inf], [np.nan, np.inf]])
    with np.errstate(over="ignore", divide="ignore"):
        found = xp.to_numpy(xp.logsumexp(xp.asarray(rows), -1))
    np.testing.assert_array_equal(found, [-np.inf, 2, np.inf, np.inf, np.nan])


def test_integers_stay_integers_and_floats_take_the_dtype(backend):
    xp = choose(backend, "cpu", "float32")
    assert str(xp.asarray(np.array([1, 2], np.int32)).dtype).endswith("int64")
    assert str(xp.asarray(np.array([1.0])).dtype).endswith("float32")
    assert xp.to_numpy(xp.asarray(np.array(2.5))).shape == ()


def test_an_array_that_may_not_be_written_to_is_taken_and_not_changed(backend):
    xp = choose(backend, "cpu", "float64")
    array = np.arange(3.0)
    array.flags.writeable = False
    assert xp.to_numpy(xp.asarray(array) + 1).tolist() == [1, 2, 3]
    assert array.tolist() == [0, 1, 2]


@pytest.mark.parametrize("name", OWN_COMPLEX)
def test_a_complex_step_gives_the_derivative(name):
    complexly, xp, h = ComplexNamespace(), choose("numpy", "cpu", "float64"), 1e-4

    def call(space, x):
        match name:
            case "maximum":
                return space.maximum(x, space.asarray(SECOND))
            case "where_positive":
                return space.where_positive(x, x * x)
            case "clip":
                return space.clip(x, -0.5, 0.5)
            case "max" | "logsumexp":
                return getattr(space, name)(x, (-1, -2))
            case "softargmax":
                return space.softargmax(x, -1)
        return getattr(space, name)(x)

    direction = np.random.default_rng(3).standard_normal(X.shape)
    stepped = call(complexly, complexly.asarray(X) + 1j * STEP * direction)
    far = call(xp, X - 2 * h * direction) - call(xp, X + 2 * h * direction)
    near = call(xp, X + h * direction) - call(xp, X - h * direction)
    np.testing.assert_allclose(stepped.real, call(xp, X), rtol=1e-14)
    np.testing.assert_allclose(stepped.imag / STEP, (far + 8 * near) / (12 * h), atol=1e-9)
