"""Curves through the clients: over HTTP, awaited, and in process."""

from __future__ import annotations

import asyncio

import pytest

from chainrule_client import AsyncClient, Client, InvalidRequest, NotFound, local

OPS = ("relu", {"op": "leaky_relu", "slope": 0.1}, "gelu")


def test_the_picture_is_the_same_wherever_it_is_drawn(url):
    async def awaited():
        async with AsyncClient(url) as client:
            return await client.plot(*OPS, low=-2, high=3)

    with Client(url) as client:
        theirs = client.plot(*OPS, low=-2, high=3)
    assert theirs == asyncio.run(awaited()) == local.plot(*OPS, low=-2, high=3)
    assert "leaky_relu, slope 0.1" in theirs


def test_an_op_has_the_range_and_the_options_asked_for(url):
    asked = {"low": -1, "high": 1, "points": 3}
    with Client(url) as client:
        theirs = client.op({"op": "leaky_relu", "slope": 0.1}, **asked)["curve"]
    ours = local.op({"op": "leaky_relu", "slope": 0.1}, **asked)["curve"]
    assert theirs["derivative"].tolist() == ours["derivative"].tolist() == [0.1, 0.1, 1]
    assert theirs["kink_derivatives"].tolist() == ours["kink_derivatives"].tolist() == [0.1]


def test_what_cannot_be_drawn_is_told(url):
    with Client(url) as client:
        for each in (client, local):
            with pytest.raises(NotFound):
                each.plot("rleu")
            with pytest.raises(InvalidRequest):
                each.plot({"op": "relu", "slope": 1})
            with pytest.raises(ValueError, match="no curve to draw"):
                each.plot("softargmax")
            with pytest.raises(ValueError, match="an op with options"):
                each.plot({"slope": 1})
