"""Every op can be tested: its samples reach each of its options, and it says what it is."""

from typing import Literal, get_args, get_origin, get_type_hints

from chainrule.engine.op import options_of
from chainrule.engine.registry import find, names, ops


def test_an_op_has_samples_with_and_without_its_optional_inputs(op):
    assert op.samples
    counts = {len(sample.shapes) for sample in op.samples}
    if op.variadic:
        assert len(counts) > 1
    else:
        most = len(op.operands) + len(op.parameters)
        assert counts == set(range(most - len(op.optional), most + 1))


def test_every_option_is_set_by_some_sample(op):
    for option in options_of(op):
        if not (op.family == "loss" and option.name == "reduction"):
            used = [sample.options.get(option.name, option.default) for sample in op.samples]
            assert any(value != option.default for value in used), f"no sample of {op.name} sets {option.name}"


def test_every_choice_of_an_option_is_made_by_some_sample(op):
    hints = get_type_hints(op)
    for option in options_of(op):
        if get_origin(hints[option.name]) is Literal and not (op.family == "loss" and option.name == "reduction"):
            used = {sample.options.get(option.name, option.default) for sample in op.samples}
            assert set(get_args(hints[option.name])) == used


def test_an_op_states_its_formula_its_derivative_and_its_family(op):
    assert op.formula
    assert op.derivative_formula
    assert op.family
    assert op.__doc__
    assert all(option.metadata["doc"] for option in options_of(op))


def test_an_op_is_found_by_its_name_and_its_aliases(op):
    assert ops()[op.name] is op
    for name in (op.name, *op.aliases):
        assert find(name) is op
        assert names()[name] == op.name


def test_a_bound_op_without_options_is_hashable(op):
    assert hash(op()) == hash(op())
