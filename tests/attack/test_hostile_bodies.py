"""Whatever the body, the answer is a short refusal, soon, and no memory is lost."""

import pytest

from attack.bodies import LONG, REFUSED, SOUND, bare, spoilt
from problem_documents import assert_problem

SECONDS = 5
"""Of the service's CPUs: far more than any takes to be refused, which is a few tenths of one."""
FOR_ANSWERS = 30
"""The same of what is answered, which takes up to two."""

GROWTH = 600 * 2**20
"""Bytes that the process may have grown by, most of it room that the allocator has kept."""


def answer(attacked, client, name, bodies, seconds=SECONDS):
    operation, body = bodies[name]()
    with attacked.spends(at_most=seconds):
        return client.post(f"/v1/{operation}", content=body)


@pytest.mark.parametrize("name", REFUSED)
def test_it_is_refused(name, attacked, client):
    assert_problem(answer(attacked, client, name, REFUSED), 400, 413, 422)


@pytest.mark.parametrize("name", LONG)
def test_many_small_nodes_are_refused_for_their_number(name, attacked, client):
    problem = assert_problem(answer(attacked, client, name, LONG), 422)
    assert "applications of an op" in problem.detail


@pytest.mark.parametrize("name", SOUND)
def test_what_is_only_strange_is_answered(name, attacked, client):
    assert answer(attacked, client, name, SOUND, FOR_ANSWERS).status_code == 200


def test_the_input_is_not_echoed(client):
    secret = "x" * 5 + "secret" * 50
    for field in ("dtype", "device", "layout", "loss", "targets"):
        reply = client.post("/v1/loss", content=spoilt(**{field: secret}))
        assert_problem(reply, 422)
        assert "secretsecret" not in reply.text


def test_structures_without_end_are_not_all_kept(attacked, client):
    long_ago = attacked.memory()
    for number in range(300):
        layers = [{"op": "tanh", "name": f"n{number}_{i}"} for i in range(300)]
        reply = client.post("/v1/forward", content=bare(network={"layers": layers}))
        assert reply.status_code == 200
    assert attacked.memory() - long_ago < GROWTH // 2


def test_class_weights_without_end_are_not_all_kept(attacked, client):
    long_ago = attacked.memory()
    classes = 10_000
    inputs, weights = [[0.5] * classes], [1] * classes
    for number in range(500):
        weights[number] = 0
        loss = {"op": "cross_entropy", "class_weights": weights}
        body = bare(network={"layers": [{"op": "identity"}]}, inputs=inputs, targets=[classes - 1], loss=loss)
        assert client.post("/v1/loss", content=body).status_code == 200
    assert attacked.memory() - long_ago < GROWTH // 2
