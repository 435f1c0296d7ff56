"""Importing the client costs little, and what is heavy is loaded by those who use it alone."""

import subprocess
import sys

import pytest

HEAVY = ["torch", "fastapi", "uvicorn", "pydantic", "typer", "httpx"]


def loaded_by(program: str) -> set[str]:
    printing = f"{program}\nimport sys\nprint(*(name for name in {HEAVY} if name in sys.modules))"
    return set(
        subprocess.run([sys.executable, "-c", printing], check=True, capture_output=True, text=True).stdout.split()
    )


@pytest.mark.parametrize(
    ("program", "expected"),
    [
        ("import chainrule_client", set()),
        ("from chainrule_client import Network, linear, from_torch", set()),
        ("from chainrule_client import Client, AsyncClient", {"httpx"}),
        ("from chainrule_client import local", {"pydantic"}),
        (
            "from chainrule_client import local\nlocal.loss({'layers': [{'op': 'relu'}]}, [[1.0]], [[2.0]], 'mse')",
            {"pydantic"},
        ),
    ],
)
def test_only_what_is_used_is_imported(program, expected):
    assert loaded_by(program) == expected


def test_every_public_name_can_be_had():
    import chainrule_client

    for name in chainrule_client.__all__:
        assert getattr(chainrule_client, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'Clinet'"):
        _ = chainrule_client.Clinet
