"""Binary cross-entropy at and near 0 and 1, where its conventions are; and the divergence at t = 0."""

from decimal import Decimal, localcontext
from math import inf

import numpy as np
import pytest

from chainrule.engine.errors import DomainError
from chainrule.engine.op import Point
from chainrule.engine.registry import find


def differentiate(xp, name, prediction, target, **options):
    """Each element's value and derivative."""
    op = find(name)(reduction="none", **options)
    inputs = tuple(xp.asarray(np.atleast_2d(array)) for array in (prediction, target))
    with np.errstate(all="ignore"):
        value, saved = op.forward(xp, *inputs)
        into, _ = op.vjp(xp, xp.ones((1, 1)), Point(inputs, value, saved), (True, False))
    return xp.to_numpy(value)[0].tolist(), xp.to_numpy(into)[0].tolist()


@pytest.mark.parametrize(
    ("prediction", "target", "value", "derivative"),
    [
        (0.0, 0.0, 0.0, 1.0),
        (1.0, 1.0, 0.0, -1.0),
        (0.0, 1.0, inf, -inf),
        (-0.0, 1.0, inf, -inf),
        (1.0, 0.0, inf, inf),
        (0.0, 0.25, inf, -inf),
        (1.0, 0.25, inf, inf),
        (0.5, 0.0, np.log(2), 2.0),
        (0.25, 0.25, 0.5623351446188083, 0.0),
        (1e-300, 1.0, 300 * np.log(10), -1e300),
        (1e-20, 0.0, 1e-20, 1.0),
    ],
)
def test_bce_is_exact_at_0_and_1(xp, prediction, target, value, derivative):
    # The others keep the element company: an element at 0 or 1 does not change how they are reckoned.
    found = differentiate(xp, "bce", [prediction, 0.0, 0.5], [target, 0.0, 1.0])
    assert found[0] == pytest.approx([value, 0.0, np.log(2)], rel=1e-15)
    assert found[1] == pytest.approx([derivative, 1.0, -2.0], rel=1e-15)


@pytest.mark.parametrize("clamp", [None, "torch"])
@pytest.mark.parametrize(("value", "shown"), [(1.2, "1.2"), (-0.25, "-0.25")])
def test_bce_refuses_what_is_no_probability(xp, value, shown, clamp):
    with pytest.raises(DomainError, match=rf"the prediction holds {shown}: end the network with sigmoid") as caught:
        differentiate(xp, "bce", [0.5, value], [1.0, 1.0], clamp=clamp)
    assert caught.value.operand == "prediction"


LOGITS = [-800.0, -40.0, -20.0, -1.5, 0.0, 1e-9, 1.5, 20.0, 40.0, 800.0]


@pytest.mark.parametrize("target", [0.0, 0.3, 1.0])
def test_bce_on_logits_keeps_every_digit_of_value_and_derivative(xp, target):
    values, derivatives = differentiate(xp, "bce_logits", LOGITS, [target] * len(LOGITS))
    with localcontext(prec=800):
        y = Decimal(target)
        p = [1 / (1 + (-Decimal(z)).exp()) for z in LOGITS]
        wanted = [float(-(y * each.ln() + (1 - y) * (1 - each).ln())) for each in p]
        wanted_derivatives = [float(each - y) for each in p]
    np.testing.assert_allclose(values, wanted, rtol=1e-14)
    np.testing.assert_allclose(derivatives, wanted_derivatives, rtol=1e-14)


def test_bce_on_logits_is_half_way_at_0(xp):
    values, derivatives = differentiate(xp, "bce_logits", [0.0, 0.0], [0.0, 1.0])
    assert values == pytest.approx([np.log(2)] * 2, rel=1e-15)
    assert derivatives == [0.5, -0.5]


def test_kl_div_refuses_a_target_that_has_no_logarithm(xp):
    with pytest.raises(DomainError, match=r"kl_div targets are probabilities, and one is -0\.2") as caught:
        differentiate(xp, "kl_div", [-1.0, -2.0], [0.5, -0.2])
    assert caught.value.operand == "targets"


def test_kl_div_takes_nothing_from_a_class_of_probability_0(xp):
    values, derivatives = differentiate(xp, "kl_div", [-inf, -1.0, -inf], [0.0, 0.0, 0.5])
    assert values == [0.0, 0.0, inf]
    assert derivatives == [0.0, 0.0, -0.5]
