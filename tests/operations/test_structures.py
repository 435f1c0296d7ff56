"""What is kept of requests: found again by structure alone, never confused, and bounded."""

import json

import numpy as np
import pytest

from chainrule.operations import Calls, Refused
from chainrule.operations.prepared import prepare
from chainrule.operations.structures import CUTS, LEAST, LONGEST, LONGEST_CUT, Structure, Structures
from chainrule.schemas import requests
from chainrule.schemas.envelope import load, split
from chainrule.schemas.tensors import ArrayCollector, ArrayLayout

draw = np.random.default_rng(0)


def body(*layers, inputs=(3, 4)):
    network = {"layers": [*layers, {"op": "tanh"}]}
    return json.dumps({"network": network, "inputs": draw.normal(size=inputs).tolist(), "backend": "numpy"}).encode()


def reshape(*shape):
    return {"op": "reshape", "shape": list(shape)}


def named(name):
    return {"op": "tanh", "name": name}


def structure_of(envelope):
    collector = ArrayCollector(envelope.spans)
    model = requests.ForwardRequest.model_validate(load(envelope), context={"arrays": collector})
    return Structure(model, collector.layout)


def kept(structures, text):
    envelope = split(text)
    structures.keep("forward", envelope, structure_of(envelope))
    return structures.find("forward", envelope)


def found(structures, text, name="forward"):
    return structures.find(name, split(text))


def test_requests_that_differ_in_numbers_share_a_plan():
    calls = Calls()
    one, other = (calls.parse("forward", body(reshape(2, 2))) for _ in range(2))
    assert one.operation is other.operation
    assert not np.array_equal(one.run()["outputs"], other.run()["outputs"])


def test_another_shape_has_a_plan_of_its_own():
    calls = Calls()
    calls.parse("forward", body(reshape(2, 2)))
    assert calls.parse("forward", body(reshape(2, 2), inputs=(7, 4))).run()["outputs"].shape == (7, 2, 2)


def test_lists_that_are_part_of_the_structure_are_not_taken_for_numbers():
    calls = Calls()
    shapes = [(2, 2), (4, 1), (1, 4), (4,), (2, 2)]
    assert [calls.parse("forward", body(reshape(*s))).run()["outputs"].shape[1:] for s in shapes] == shapes


def test_operations_are_told_apart():
    structures = Structures()
    assert kept(structures, body()) is not None
    assert found(structures, body(), "gradients") is None


def test_the_room_is_not_exceeded_and_the_least_recently_used_goes_first():
    structures = Structures(room=3 * LEAST)
    texts = [body(named(name)) for name in "abcd"]
    for text in texts[:3]:
        kept(structures, text)
    found(structures, texts[0])
    kept(structures, texts[3])
    assert [found(structures, text) is not None for text in texts] == [True, False, True, True]


def test_plans_take_room_too():
    structures = Structures(room=3 * LEAST)
    first, second = (kept(structures, body(named(name))) for name in "ab")
    structures.add(first, ((3, 4),), object())
    assert found(structures, body(named("a"))) is first
    structures.add(second, ((3, 4),), object())
    assert found(structures, body(named("b"))) is None


def test_what_has_gone_frees_its_room_once():
    structures = Structures(room=2 * LEAST)
    gone = kept(structures, body(named("a")))
    structures.add(gone, ((3, 4),), object())
    for name in "bc":
        kept(structures, body(named(name)))
    structures.add(gone, ((7, 4),), object())
    assert [found(structures, body(named(name))) is not None for name in "abc"] == [False, True, True]


def test_what_stays_is_found_when_another_of_the_same_words_has_gone():
    structures = Structures(room=3 * LEAST)
    for size in (1, 2, 3):
        kept(structures, body(reshape(2, 2, size)))
    kept(structures, body(named("a")))
    assert [found(structures, body(reshape(2, 2, size))) is not None for size in (1, 2, 3)] == [False, True, True]


def test_lists_in_other_places_are_not_confused_when_one_has_gone():
    structures = Structures(room=3 * LEAST)

    def keep(text, inlined):
        envelope = split(text)
        structure = Structure(structure_of(split(body())).model, ArrayLayout((), inlined))
        structures.keep("forward", envelope, structure)
        return structure, structures.find("forward", envelope)

    keep(b'{"a": [1], "b": [7]}', (0,))
    first, _ = keep(b'{"a": [2], "b": [7]}', (0,))
    for name in "ab":
        kept(structures, body(named(name)))
    assert found(structures, b'{"a": [1], "b": [7]}') is None
    other, seen = keep(b'{"a": [7], "b": [2]}', (1,))
    assert seen is other
    assert seen is not first


def test_a_long_request_is_answered_and_not_kept():
    calls = Calls()
    text = body(*[{"op": "tanh"}] * 5_000)
    assert len(split(text).skeleton) > LONGEST
    assert calls.parse("forward", text).run()["outputs"].shape == (3, 4)
    assert found(calls.structures, text) is None


def test_a_structure_keeps_few_plans_of_many_shapes():
    calls = Calls()
    text = [named(f"n{i}") for i in range(200)]
    for batch in range(1, 40):
        call = calls.parse("forward", body(*text, inputs=(batch, 1)))
    structure = calls.structures.find("forward", split(body(*text, inputs=(1, 1))))
    assert 0 < len(structure.prepared) * structure.text <= LONGEST
    assert call.run()["outputs"].shape == (39, 1)


def test_a_new_shape_takes_the_place_of_the_first():
    structures = Structures()
    structure = kept(structures, body())
    most = LONGEST // structure.text
    for batch in range(most + 3):
        structures.add(structure, ((batch, 4),), object())
        assert ((batch, 4),) in structure.prepared
    assert list(structure.prepared) == [((batch, 4),) for batch in range(3, most + 3)]


def test_plans_that_give_way_to_others_free_their_room():
    structures = Structures(room=LONGEST + 3 * LEAST)
    first, second = (kept(structures, body(named(name))) for name in "ab")
    for batch in range(3 * LONGEST // first.text):
        structures.add(first, ((batch, 4),), object())
    assert found(structures, body(named("a"))) is first
    assert found(structures, body(named("b"))) is second


def test_what_is_wrong_with_a_body_like_an_earlier_one_is_told_as_of_a_first_one():
    good = body(reshape(2, 2))
    calls = Calls()
    calls.parse("forward", good)
    for bad in (b"[[1, 2, 3], [4]]", b"[1], [2]", b"[true, 1]", b"[]", b"[[1, 2, 3]]", b"[NaN]", b"[{}]"):
        later = json.dumps({**json.loads(good), "inputs": "HERE"}).encode().replace(b'"HERE"', bad)
        told = []
        for each in (calls, Calls()):
            with pytest.raises(Refused) as refused:
                each.parse("forward", later)
            told.append((refused.value.status, refused.value.detail, refused.value.faults))
        assert told[0] == told[1]


def test_a_plan_that_cannot_be_made_is_tried_once(monkeypatch):
    good, tried = body(reshape(2, 2)), []
    calls = Calls()
    calls.parse("forward", good)
    monkeypatch.setattr("chainrule.operations.calls.prepare", lambda *of: tried.append(of) or prepare(*of))
    with pytest.raises(Refused):
        calls.parse("forward", body(reshape(2, 2), inputs=(3, 5)))
    assert len(tried) == 1


def test_what_a_late_body_knows_nothing_of_is_not_looked_into():
    calls = Calls()
    calls.parse("forward", body(reshape(2, 2)))
    assert calls.recall("forward", body(reshape(4, 1))) is None
    assert (calls.structures.known, calls.structures.unknown) == (0, 1)


def test_ways_of_cutting_are_bounded_in_number_and_length():
    structures = Structures()
    for number in range(CUTS + 3):
        structures.remember("forward", split(b'{"a": [1], "b": "%d"}' % number))
    structures.remember("forward", split(b'{"a": [1], "b": "%b"}' % (b"x" * LONGEST_CUT)))
    answered = [structures.cut("forward", b'{"a": [2], "b": "%d"}' % number) is not None for number in range(CUTS + 3)]
    assert answered == [False] * 3 + [True] * CUTS
    assert structures.cut("forward", b'{"a": [2], "b": "%b"}' % (b"x" * LONGEST_CUT)) is None
    assert structures.cut("loss", b'{"a": [2], "b": "5"}') is None
