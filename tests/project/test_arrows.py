"""Imports between the packages point one way, and the base install stays light."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = (ROOT / "service", ROOT / "clients" / "python")

# What a module may import of the project, the version aside: the entry with the longest name that it starts with
# decides.
ALLOWED = {
    "chainrule.engine": ("chainrule.engine",),
    "chainrule.schemas": ("chainrule.schemas", "chainrule.engine"),
    "chainrule.grading": ("chainrule.grading", "chainrule.engine"),
    "chainrule.derivation": ("chainrule.derivation", "chainrule.engine"),
    "chainrule.pictures": ("chainrule.pictures",),
    "chainrule.operations": (
        "chainrule.operations",
        "chainrule.pictures",
        "chainrule.derivation",
        "chainrule.grading",
        "chainrule.problems",
        "chainrule.schemas",
        "chainrule.engine",
    ),
    "chainrule.api": ("chainrule",),
    "chainrule": (),
    "chainrule_client": ("chainrule_client", "chainrule.schemas", "chainrule.pictures"),
    "chainrule_client.local": ("chainrule_client", "chainrule.schemas", "chainrule.operations"),
    "chainrule_client.on_ray": ("chainrule_client", "chainrule.schemas", "chainrule.operations"),
    "chainrule_client.cli_derivation": ("chainrule_client", "chainrule.schemas", "chainrule.derivation.pages"),
    "chainrule_client.cli": ("chainrule_client", "chainrule"),
}

# What a module may not import of others, in no function either; the longest name decides here too.
HTTP = ("fastapi", "starlette", "uvicorn")
FORBIDDEN = {
    "chainrule.engine": (*HTTP, "httpx", "pydantic", "torch"),
    "chainrule.engine.backends.torch": (*HTTP, "httpx", "pydantic"),
    "chainrule.grading": (*HTTP, "httpx", "pydantic", "torch"),
    "chainrule.derivation": (*HTTP, "httpx", "pydantic", "torch"),
    "chainrule.schemas": (*HTTP, "httpx", "torch"),
    "chainrule.operations": (*HTTP, "httpx", "torch"),
    "chainrule_client": (*HTTP, "torch"),
    "chainrule_client.torch_modules": HTTP,
    "chainrule_client.cli": ("fastapi", "starlette", "torch"),
}


def modules() -> Iterator[tuple[str, Path]]:
    for source in SOURCES:
        for path in sorted(source.rglob("*.py")):
            parts = path.relative_to(source).with_suffix("").parts
            yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts), path


def imports(module: str, path: Path) -> Iterator[str]:
    """Full names of what a module imports, wherever in it; `from a import b` gives `a.b`."""
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            yield from (".".join([*above, *filter(None, [node.module]), alias.name]) for alias in node.names)


def within(name: str, packages: tuple[str, ...]) -> bool:
    return any(name == package or name.startswith(f"{package}.") for package in packages)


def rule_for(module: str, rules: dict[str, tuple[str, ...]]) -> tuple[str, ...]:
    names = [name for name in rules if within(module, (name,))]
    return rules[max(names, key=len)] if names else ()


MODULES = list(modules())


@pytest.mark.parametrize(("module", "path"), MODULES, ids=[module for module, _ in MODULES])
def test_imports_follow_the_arrows(module, path):
    imported = set(imports(module, path))
    ours = {name for name in imported if within(name, ("chainrule", "chainrule_client"))}
    against = {name for name in ours if not within(name, ("chainrule.version", *rule_for(module, ALLOWED)))}
    assert not against, f"{module} may import {rule_for(module, ALLOWED)}"
    heavy = {name for name in imported if within(name, rule_for(module, FORBIDDEN))}
    assert not heavy, f"{module} may not import {rule_for(module, FORBIDDEN)}"


def test_relative_imports_are_seen(tmp_path):
    (tmp_path / "node.py").write_text("from . import op\nfrom ..api import app\nimport torch.linalg\n")
    found = set(imports("chainrule.engine.node", tmp_path / "node.py"))
    assert found == {"chainrule.engine.op", "chainrule.api.app", "torch.linalg"}


@pytest.mark.parametrize(
    "module",
    ["chainrule.schemas", "chainrule.operations", "chainrule_client", "chainrule_client.local", "chainrule_client.cli"],
)
def test_importing_loads_neither_torch_nor_a_web_framework(module):
    report = f"import sys, {module}; print(*{{name.partition('.')[0] for name in sys.modules}})"
    done = subprocess.run([sys.executable, "-c", report], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert not {"torch", "fastapi", "starlette", "uvicorn"} & set(done.stdout.split())
