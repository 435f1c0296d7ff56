"""How class targets are read, and what is said where they are none."""

import numpy as np
import pytest

from chainrule.engine.errors import DomainError, EngineError, ShapeError
from chainrule.engine.op import Point
from chainrule.engine.registry import find

LOGITS = np.array([[1.0, -2.0, 0.5], [0.0, 3.0, -1.0]])


def run(xp, name, target, prediction=LOGITS, **options):
    """The value, and the gradient of 1 times it."""
    op = find(name)(**options)
    op.shape(prediction.shape[1:], np.shape(target)[1:])
    inputs = (xp.asarray(prediction), xp.asarray(np.asarray(target)))
    output, saved = op.forward(xp, *inputs)
    into, _ = op.vjp(xp, 1.0, Point(inputs, output, saved), (True, False))
    return xp.to_numpy(output), xp.to_numpy(into)


@pytest.mark.parametrize("name", ["cross_entropy", "nll", "multiclass_hinge"])
@pytest.mark.parametrize(
    ("target", "message"),
    [
        ([2, 3], r"has 3 classes, 0 to 2, and a target is 3: classes count from 0"),
        ([0, 9], r"has 3 classes, 0 to 2, and a target is 9$"),
        ([0, -100], r"a target is -100"),
        ([2.0, 0.0], r"class targets are integers: write 2, not 2\.0"),
    ],
)
def test_a_target_that_is_no_class_is_refused(xp, name, target, message):
    with pytest.raises(DomainError, match=message) as caught:
        run(xp, name, target)
    assert caught.value.operand == "targets"


def test_a_negative_class_is_told_of_ignore_index(xp):
    with pytest.raises(DomainError, match=r'to leave such rows out, write "ignore_index": -100'):
        run(xp, "cross_entropy", [0, -100])


def test_what_is_ignored_may_be_no_class_but_nothing_else(xp):
    run(xp, "cross_entropy", [0, -100], ignore_index=-100)
    with pytest.raises(DomainError, match="a target is -1"):
        run(xp, "cross_entropy", [-1, -100], ignore_index=-100)


def test_an_ignored_row_has_no_gradient_and_no_part_in_the_mean(xp):
    value, gradient = run(xp, "cross_entropy", [0, 2], ignore_index=2)
    alone, of_alone = run(xp, "cross_entropy", [0], LOGITS[:1])
    assert value == pytest.approx(alone, rel=1e-15)
    np.testing.assert_allclose(gradient, [of_alone[0], [0, 0, 0]], rtol=1e-15)


@pytest.mark.parametrize("name", ["cross_entropy", "nll"])
def test_probabilities_may_be_whole_numbers(xp, name):
    whole, of_whole = run(xp, name, np.eye(3, dtype=np.int64)[[2, 1]])
    classes, of_classes = run(xp, name, [2, 1])
    assert whole == classes
    assert np.array_equal(of_whole, of_classes)


def test_a_class_of_probability_0_adds_nothing_to_nll(xp):
    prediction = np.log([[0.25, 0.75, 1.0]])
    prediction[0, 2] = -np.inf
    value, gradient = run(xp, "nll", [1], prediction)
    assert value == -np.log(0.75)
    assert gradient.tolist() == [[0, -1, 0]]


@pytest.mark.parametrize(
    ("name", "wanted", "into"),
    [
        ("cross_entropy", -np.log(0.25), [-0.75, 0.75, 0]),
        ("multiclass_hinge", (1 + np.log(3)) / 3, [-1 / 3, 1 / 3, 0]),
    ],
)
def test_a_logit_of_minus_infinity_is_no_rival(xp, name, wanted, into):
    prediction = np.array([[np.log(0.25), np.log(0.75), -np.inf]])
    value, gradient = run(xp, name, [0], prediction)
    assert value == pytest.approx(wanted, rel=1e-15)
    np.testing.assert_allclose(gradient, [into], rtol=1e-15)


@pytest.mark.parametrize("far", [1e5, 1e17, -1e300])
def test_the_margin_is_kept_beside_large_scores(xp, far):
    value, gradient = run(xp, "multiclass_hinge", [0], np.full((1, 3), far), margin=0.3)
    assert value == pytest.approx(0.2, rel=1e-15)
    np.testing.assert_allclose(gradient, [[-2 / 3, 1 / 3, 1 / 3]], rtol=1e-15)


def test_cross_entropy_of_far_logits_is_finite(xp):
    value, gradient = run(xp, "cross_entropy", [0, 1], np.array([[-1e5, 0.0, 1e5], [1e300, 0.0, 0.0]]))
    assert value == 1e300 / 2
    assert gradient.tolist() == [[-0.5, 0, 0.5], [0.5, -0.5, 0]]


@pytest.mark.parametrize(
    ("name", "shapes", "options", "message"),
    [
        (
            "cross_entropy",
            [(5,), (3,)],
            {},
            r"shape \[3\]; cross_entropy wants class indices of shape \[\] or prob.*\[5\]",
        ),
        ("cross_entropy", [(), ()], {}, r"prediction has shape \[\]; cross_entropy wants classes on its last axis"),
        ("nll", [(5,), ()], {"class_weights": (1.0, 2.0)}, r"class_weights has 2 numbers; nll has 5 classes"),
        ("nll", [(5,), (5,)], {"ignore_index": 0}, r"ignore_index is for class indices, and these targets are prob"),
        ("cross_entropy", [(5,), ()], {"label_smoothing": 1.5}, r"label_smoothing is 1\.5; it lies between 0 and 1"),
        ("multiclass_hinge", [(5,), (5,)], {}, r"multiclass_hinge wants class indices of shape \[\]"),
        ("mse", [(1,), ()], {}, r"targets has shape \[\]; mse wants the prediction's shape \[1\] in each example"),
    ],
)
def test_what_does_not_fit_is_refused_with_what_would(name, shapes, options, message):
    with pytest.raises(EngineError, match=message):
        find(name)(**options).shape(*shapes)


def test_probabilities_do_not_mind_torchs_own_ignore_index():
    assert find("cross_entropy")(ignore_index=-100).shape((5,), (5,)) == ()


def test_hinge_targets_are_signs(xp):
    with pytest.raises(DomainError, match="hinge targets are 1 or -1, and one is 0: write -1 for the negative class"):
        run(xp, "hinge", [[1, 0, 1], [1, 1, 1]])


def test_multiclass_hinge_as_cs231n_has_it(xp):
    """The course's worked example (lecture 3): scores of cat, car and frog, margin 1, not divided by K."""
    scores = np.array([[3.2, 5.1, -1.7], [1.3, 4.9, 2.0], [2.2, 2.5, -3.1]])
    value, _ = run(xp, "multiclass_hinge", [0, 1, 2], scores, reduction="none", divide_by_classes=False)
    np.testing.assert_allclose(value, [2.9, 0, 12.9], atol=1e-14)


def test_shape_errors_are_told_from_domain_errors():
    with pytest.raises(ShapeError):
        find("cross_entropy")().shape((5,), (4,))
