"""Importing the client costs little, and what is heavy is loaded by those who use it alone."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import chainrule_client

HEAVY = ["numpy", "torch", "fastapi", "uvicorn", "pydantic", "typer", "httpx"]


def loaded_by(program: str) -> set[str]:
    printing = f"{program}\nimport sys\nprint(*(name for name in {HEAVY} if name in sys.modules))"
    return set(
        subprocess.run([sys.executable, "-c", printing], check=True, capture_output=True, text=True).stdout.split()
    )


IN_PROCESS = "from chainrule_client import local\nlocal.loss({'layers': [{'op': 'relu'}]}, [[1.0]], [[2.0]], 'mse')"


@pytest.mark.parametrize(
    ("program", "expected"),
    [
        ("import chainrule_client", set()),
        ("import chainrule_client.exporters", set()),
        ("import chainrule_client.cli", {"typer"}),
        ("import chainrule_client.cli, chainrule.api.settings", {"typer", "pydantic"}),
        ("from chainrule_client import Network, linear, from_torch", {"numpy"}),
        ("from chainrule_client import Client, AsyncClient", {"numpy", "httpx"}),
        (IN_PROCESS, {"numpy", "pydantic"}),
    ],
)
def test_only_what_is_used_is_imported(program, expected):
    assert loaded_by(program) == expected


def test_every_public_name_can_be_had():
    assert set(dir(chainrule_client)) >= set(chainrule_client.__all__)
    for name in chainrule_client.__all__:
        assert getattr(chainrule_client, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'Clinet'"):
        _ = chainrule_client.Clinet


def test_what_type_checkers_see_is_what_there_is():
    source = ast.parse(Path(chainrule_client.__file__).read_text())
    checked = next(node for node in source.body if isinstance(node, ast.If))
    seen = {alias.asname for node in ast.walk(checked) if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert seen == set(chainrule_client.__all__)
