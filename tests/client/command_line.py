"""The `chainrule` command, run in this process."""

import json
from typing import Any

from typer.testing import CliRunner

from chainrule_client.cli import app


def run(*args: object, stdin: str | None = None) -> Any:
    """The command's exit code and what it said."""
    return CliRunner().invoke(app, list(map(str, args)), input=stdin)


def reply(*args: object) -> Any:
    """What it prints with --json."""
    result = run(*args, "--json")
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)
