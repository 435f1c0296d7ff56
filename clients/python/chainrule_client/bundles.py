"""Offline keys: the truths of a problem for a set of seeds, in a file, for a container with no network and no secret.

    make_bundle("nyu-hw1/1.2c", range(100), "keys.json")                # where the secret may be
    key = load_bundle("keys.json", delete=True)                         # in the container, before anything else runs
    report = key.grade(seed, answers)

A bundle holds the answers in plain numbers. It keeps no secret from code that runs beside it: read it and have it
deleted before student code starts, and run that in a process of its own. Answers are compared with the truths, no
more: mistakes are not explained, and what follows from one is not credited.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from chainrule.schemas.answers import GROUPS
from chainrule_client.answers import answer_tree
from chainrule_client.exporters.files import write
from chainrule_client.plain_comparison import DEFAULTS, compare
from chainrule_client.tensors import Array

FORMAT = 1

Problem: TypeAlias = str | Callable[[int], Mapping[str, Any]]
Identity: TypeAlias = Mapping[str, Any]


class Bundle:
    """Keys by label: a seed as text, or a student where they were made for identities."""

    def __init__(self, tree: Mapping[str, Any]) -> None:
        self._points: Mapping[str, float] = tree["points"]
        self._policy: Mapping[str, Any] = tree["policy"]
        self._meta: Mapping[str, Any] = tree["meta"]
        self._keys: Mapping[str, Mapping[str, Any]] = tree["keys"]

    def __repr__(self) -> str:
        return f"Bundle({len(self._keys)} keys)"  # and none of what they hold

    def __contains__(self, label: object) -> bool:
        return str(label) in self._keys

    @property
    def labels(self) -> Sequence[str]:
        """What there is a key for."""
        return list(self._keys)

    @property
    def points(self) -> Mapping[str, float]:
        """The points of each quantity."""
        return self._points

    def grade(self, label: int | str, answers: Mapping[str, Any], **policy: Any) -> dict[str, Any]:
        """A report as grading gives it, by plain comparison. `policy` replaces fields of the bundle's.

        Raises KeyError where there is no such key, and ValueError for answers that name no quantity.
        """
        if label not in self:
            raise KeyError(f"there is no key for {label!r}")
        truths = {name: [_array(form) for form in forms] for name, forms in self._keys[str(label)].items()}
        report = compare(_flat(answers), truths, self._points, **{**self._policy, **policy})
        return {**report, "meta": dict(self._meta)}


def make_bundle(
    problem: Problem,
    seeds: Iterable[int | Identity],
    path: str | os.PathLike[str],
    *,
    secret: str | None = None,
    points: Mapping[str, float] | None = None,
    policy: Mapping[str, Any] | None = None,
) -> Path:
    """Work out the truths of a problem for each of `seeds`, in process, and write them to `path`.

    problem: the name of one on file, or a function from a seed to a problem's fields, which needs `points` too.
    seeds: whole numbers; or identities (`assignment`, `question`, `student`, `revision`), whose seeds `secret` makes.
    points, policy: in place of those on file. Of a policy `rtol`, `atol`, `places`, `layout`, `bias_shape`, `partial`
    and `feedback` count, of which the last goes no further than `indices`.
    """
    from chainrule_client import local

    on_file = local.problem_on_file(problem) if isinstance(problem, str) else {}
    worth = points or on_file.get("points")
    if not worth:
        raise ValueError("points are needed, for each quantity that is asked for")
    rules = {**on_file.get("policy", {}), **(policy or {})}
    labelled = dict(_labelled(each, secret) for each in seeds)
    keys = {}
    for label, seed in labelled.items():
        fields = {"problem": problem, "seed": seed} if isinstance(problem, str) else problem(seed)
        keys[label] = {name: _forms(fields, name, rules.get("layout", "torch")) for name in worth}
    tree = {
        "format": FORMAT,
        "meta": dict(local.forward(**_SMALLEST).meta),
        "points": dict(worth),
        "policy": {name: rules[name] for name in DEFAULTS if name in rules},
        "keys": keys,
    }
    return write(path, json.dumps(tree, allow_nan=False))


def load_bundle(path: str | os.PathLike[str], *, delete: bool = False) -> Bundle:
    """Read a bundle, and with `delete` remove its file: do that before student code runs.

    Raises OSError where it cannot be read or removed, and ValueError where it is no bundle.
    """
    tree = json.loads(Path(path).read_text(encoding="utf-8"))
    if not isinstance(tree, dict) or tree.get("format") != FORMAT:
        raise ValueError(f"{path} is no bundle of format {FORMAT}")
    bundle = Bundle(tree)
    if delete:
        Path(path).unlink()
    return bundle


_SMALLEST: Mapping[str, Any] = {"network": {"layers": [{"op": "identity"}]}, "inputs": [[1.0]]}
"""A problem whose reply says with which version and conventions truths are made."""


def _labelled(which: int | Identity, secret: str | None) -> tuple[str, int]:
    if isinstance(which, int):
        return str(which), which
    if secret is None:
        raise ValueError("the seed of an identity is made with a secret: give one")
    from chainrule_client import local

    return str(which["student"]), local.seed_for(secret, **which)


def _forms(fields: Mapping[str, Any], quantity: str, layout: str) -> list[Any]:
    """Every form of a truth that counts as right, as nested lists: one for each layout, where they differ."""
    layouts = ("torch", "numerator", "denominator") if layout == "either" else (layout,)
    found: list[Array] = []
    for each in layouts:
        truth = _truth(fields, quantity, each)
        if not any(truth.shape == other.shape and np.array_equal(truth, other) for other in found):
            found.append(truth)
    return [truth.tolist() for truth in found]


def _truth(fields: Mapping[str, Any], quantity: str, layout: str) -> Array:
    from chainrule_client import local

    kind, _, name = quantity.partition(".")
    if kind == "jacobians":
        pairs = [dict(zip(("of", "wrt"), name.split("/", 1), strict=True))]
        found = local.call("jacobians", {**fields, "pairs": pairs, "layout": layout}).jacobians[name].dense()
    elif kind == "gradients":
        found = local.call("gradients", {**fields, "wrt": [name], "layout": layout}).gradients[name]
    elif kind == "values":
        found = local.call("forward", {**fields, "trace": True}).trace[name].output
    else:
        found = getattr(local.call("loss" if kind == "loss" else "forward", fields), kind)
    return np.asarray(found, dtype=np.float64)


def _flat(answers: Mapping[str, Any]) -> dict[str, Any]:
    """The tree of answers quantity by quantity. Raises ValueError."""
    flat: dict[str, Any] = {}
    for kind, value in answer_tree(answers).items():
        flat.update({f"{kind}.{name}": each for name, each in value.items()} if kind in GROUPS else {kind: value})
    return flat


def _array(form: Any) -> Array:
    return np.asarray(form, dtype=np.float64)
