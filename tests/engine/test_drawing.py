"""Drawn numbers: pinned bit for bit, and distributed as they say."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from chainrule.engine.drawing import MOST_CHOICES, draw, draw_below


def by_hand(count: int, seed: int) -> list[float]:
    """Normals from the documented recipe, in Python integers."""
    words = np.random.Philox(key=seed).random_raw(6 * count)
    halves = [half for word in words.tolist() for half in (word & 0xFFFFFFFF, word >> 32)]
    return [(sum(halves[12 * i : 12 * i + 12]) - 6 * 2**32) / 2**32 for i in range(count)]


def test_normals_follow_the_documented_recipe_exactly() -> None:
    assert draw((5, 3), "normal", 1.0, 7).ravel().tolist() == by_hand(15, 7)


def test_drawn_numbers_never_change() -> None:
    digest = hashlib.sha256(draw((70_001,), "normal", 0.4, 7).astype("<f8").tobytes()).hexdigest()
    assert digest == "c8a40bd1e83e05c37341d2e4cec287eecb10d80c0c4bf376310ed92c0801ae95"
    digest = hashlib.sha256(draw((70_001,), "uniform", 1.0, 7).astype("<f8").tobytes()).hexdigest()
    assert digest == "de3c97a05d7eb72bb24ff8131e4cf8708e87e6550f46283ca3fb9b74482090d1"


def test_a_longer_draw_begins_with_a_shorter_one() -> None:
    assert np.array_equal(draw((100_000,), "normal", 1.0, 3)[:70_000], draw((70_000,), "normal", 1.0, 3))


@pytest.mark.parametrize(("init", "variance"), [("normal", 1.0), ("uniform", 1 / 3)])
def test_mean_and_variance_are_what_they_say(init: str, variance: float) -> None:
    numbers = draw((200_000,), init, 2.0, 11)  # type: ignore[arg-type]
    assert abs(numbers.mean()) < 0.02
    assert numbers.var() == pytest.approx(4 * variance, rel=0.02)


def test_uniforms_lie_in_minus_one_to_one() -> None:
    numbers = draw((100_000,), "uniform", 1.0, 5)
    assert -1 <= numbers.min() < -0.999 < 0.999 < numbers.max() < 1


def test_zeros_and_ones_and_seeds() -> None:
    assert draw((2, 2), "zeros", 5.0, 0).tolist() == [[0, 0], [0, 0]]
    assert draw((2,), "ones", 5.0, 0).tolist() == [5, 5]
    assert not np.array_equal(draw((3,), "normal", 1.0, 1), draw((3,), "normal", 1.0, 2))
    assert draw((), "normal", 1.0, 1).shape == ()


def below_by_hand(n: int, count: int, key: int) -> list[int]:
    """Whole numbers from the documented recipe, in Python integers."""
    words = np.random.Philox(key=key).random_raw((count + 1) // 2).tolist()
    halves = [half for word in words for half in (word & 0xFFFFFFFF, word >> 32)]
    return [half * n // 2**32 for half in halves[:count]]


@pytest.mark.parametrize("n", [1, 2, 3, 7, 25, 1000, MOST_CHOICES])
def test_whole_numbers_follow_the_documented_recipe_exactly(n: int) -> None:
    drawn = draw_below(n, (5, 3), key=2**128 - n)
    assert drawn.dtype == np.int64
    assert drawn.ravel().tolist() == below_by_hand(n, 15, 2**128 - n)


def test_whole_numbers_never_change() -> None:
    assert draw_below(25, (8,), 7).tolist() == [4, 21, 24, 7, 7, 10, 17, 10]
    digest = hashlib.sha256(draw_below(1000, (70_001,), 7).astype("<i8").tobytes()).hexdigest()
    assert digest == "a4d6d47251384994422270bd5dedbca24f6a59418d48fbb551873846e43244f1"


def test_every_whole_number_comes_up_equally_often() -> None:
    counts = np.bincount(draw_below(7, (70_000,), 3), minlength=7)
    assert counts.size == 7
    assert np.abs(counts - 10_000).max() < 400


@pytest.mark.parametrize("n", [0, -1, MOST_CHOICES + 1])
def test_whole_numbers_below_what_is_out_of_range_are_refused(n: int) -> None:
    with pytest.raises(ValueError, match="below"):
        draw_below(n, (2,), 0)
