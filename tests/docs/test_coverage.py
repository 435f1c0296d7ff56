"""Nothing that a caller can use is missing from the pages, and the pages name nothing that is not there."""

from __future__ import annotations

import re
from typing import Any

import pytest
import typer.main

import chainrule_client
from chainrule.api.settings import Settings
from chainrule.engine.op import options_of, wire_name
from chainrule.engine.registry import names, ops
from chainrule_client import AsyncClient, Client, errors
from chainrule_client.cli import app as command_line
from docs.pages import PAGES, ROOT, prose

DOCS = ROOT / "docs"
CLIENT_VARIABLES = {"CHAINRULE_URL", "CHAINRULE_API_KEY"}


def page(name: str) -> str:
    return (DOCS / name).read_text(encoding="utf-8")


def whole() -> str:
    return "\n".join(page.read_text(encoding="utf-8") for page in PAGES)


def rows(name: str) -> dict[str, list[str]]:
    """The rows of a page's tables, by what stands in code in their first cell."""
    cells = [
        [cell.strip() for cell in line.strip("|").split(" | ")] for line in page(name).splitlines() if line[:1] == "|"
    ]
    return {row[0].strip("| `"): row for row in cells}


@pytest.mark.parametrize("op", ops())
def test_every_op_is_in_the_catalogue_with_its_aliases_and_options(op: str) -> None:
    entry = re.search(rf"^### {op}\n(.*?)(?=^##|\Z)", page("ops.md"), re.MULTILINE | re.DOTALL)
    assert entry
    aliases = [alias for alias, name in names().items() if name == op and alias != op]
    wanted = [*aliases, *ops()[op].parameters, *map(wire_name, options_of(ops()[op]))]
    assert [name for name in wanted if f"`{name}`" not in entry[1]] == []


def test_every_op_with_a_kink_is_in_the_table_of_kinks() -> None:
    kinks = page("conventions.md").partition("## Derivatives at a kink")[2].partition("## Names")[0]
    assert [name for name, op in ops().items() if op.at_kink and f"`{name}`" not in kinks] == []


def test_every_loss_is_in_the_conventions_or_needs_no_word() -> None:
    plain = {"l1", "nll", "hinge"}
    losses = {name for name, op in ops().items() if op.family == "loss"} - plain
    assert [name for name in losses if f"`{name}`" not in page("conventions.md")] == []


def test_every_setting_is_described_with_its_default() -> None:
    described = rows("settings.md")
    for name, field in Settings.model_fields.items():
        row = described[f"CHAINRULE_{name.upper()}"]
        shown = f"`{field.default:g}`" if isinstance(field.default, float) else f"`{field.default}`"
        assert row[1] == ("none" if field.default in ((), None) else shown), name


def test_every_variable_on_the_pages_is_a_setting() -> None:
    settings = {f"CHAINRULE_{name.upper()}" for name in Settings.model_fields}
    assert set(re.findall(r"CHAINRULE_[A-Z_]+[A-Z]", whole())) == settings | CLIENT_VARIABLES


def test_every_command_and_option_of_the_command_line_is_described() -> None:
    group = typer.main.get_command(command_line)
    commands = group.commands  # type: ignore[attr-defined]
    assert [name for name in commands if f"`chainrule {name}" not in page("cli.md")] == []
    options = {
        (name, option)
        for name, command in commands.items()
        for parameter in command.params
        for option in parameter.opts
        if option.startswith("--")
    }
    described = {option: row for key, row in rows("cli.md").items() for option in re.findall(r"--[\w-]+", key)}
    missing = [
        (name, option)
        for name, option in sorted(options)
        if option not in described or not (f"`{name}`" in described[option][1] or "all but" in described[option][1])
    ]
    assert missing == []


@pytest.mark.parametrize("name", chainrule_client.__all__)
def test_every_public_name_of_the_client_is_described(name: str) -> None:
    assert re.search(rf"\b{name}\b", page("client.md"))


@pytest.mark.parametrize("kind", [Client, AsyncClient])
def test_every_public_method_of_a_client_is_described(kind: type) -> None:
    methods = [name for name in dir(kind) if not name.startswith("_")]
    assert {"gradients", "ready", "close"} <= set(methods)
    assert [name for name in methods if not re.search(rf"\b{name}\(", page("client.md"))] == []


def test_the_tree_of_errors_is_the_one_in_the_code() -> None:
    assert errors.__doc__
    tree = re.search(r"```text\n(ChainruleError\n.*?)```", page("client.md"), re.DOTALL)
    assert tree
    in_code = [line.strip().replace("`", "") for line in errors.__doc__.splitlines() if "──" in line]
    assert [line.strip() for line in tree[1].splitlines() if "──" in line] == in_code


@pytest.mark.parametrize("source", PAGES, ids=lambda path: path.name)
def test_links_lead_somewhere(source: Any) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(source)):
        if "://" in target:
            continue
        path, _, anchor = target.partition("#")
        found = (source.parent / path).resolve() if path else source
        assert found.exists(), target
        assert not anchor or anchor in anchors(found.read_text(encoding="utf-8")), target


def test_the_readme_lists_every_page() -> None:
    listed = re.findall(r"\]\(docs/(\w+\.md)\)", (ROOT / "README.md").read_text(encoding="utf-8"))
    assert {path.name for path in DOCS.glob("*.md")} == set(listed)


def anchors(text: str) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
