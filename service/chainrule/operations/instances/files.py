"""Reading problem sets from YAML files. What is wrong with one is said with its file, problem and field."""

from __future__ import annotations

from collections.abc import Hashable
from pathlib import Path
from typing import Any, TypeAlias

import yaml  # type: ignore[import-untyped]
from pydantic import ValidationError

from chainrule.operations.refusals import Fault
from chainrule.operations.validation import refusal_of
from chainrule.schemas.problem_sets import ProblemSet

SUFFIX = ".yaml"
MOST_BYTES = 1 << 20
"""Of a file."""

State: TypeAlias = tuple[tuple[str, int, int], ...]
"""The name, the time and the length of each file of a folder."""


class ProblemFileError(ValueError):
    """A problem set that cannot be used. The message names the file, and where it can the problem and the field."""


def files_in(folder: Path) -> dict[str, Path]:
    """The files of a folder by the ids of their sets, which are their names. Raises ProblemFileError."""
    try:
        return {path.stem: path for path in sorted(folder.iterdir()) if path.suffix in (SUFFIX, ".yml")}
    except OSError as error:
        raise ProblemFileError(f"{folder}: the folder of problems cannot be read: {error.strerror}") from None


def state_of(folder: Path) -> State:
    """Another where a file was added, changed or taken away. Empty where the folder cannot be read."""
    try:
        states = [(path.name, path.stat()) for path in files_in(folder).values()]
    except (OSError, ProblemFileError):
        return ()
    return tuple((name, state.st_mtime_ns, state.st_size) for name, state in states)


def read_set(path: Path) -> ProblemSet:
    """The set in a file. Raises ProblemFileError."""
    loaded = _loaded(path)
    try:
        found = ProblemSet.model_validate(loaded)
    except ValidationError as error:
        faults = refusal_of(error, loaded, ProblemSet).faults
        raise ProblemFileError("\n".join(_told(path, loaded, fault) for fault in faults)) from None
    if found.id != path.stem:
        raise ProblemFileError(f"{path.name}: a file is named after its set: call it {found.id}{SUFFIX}")
    return found


def _loaded(path: Path) -> Any:
    try:
        with path.open("rb") as file:
            text = file.read(MOST_BYTES + 1)
        if len(text) > MOST_BYTES:
            raise ProblemFileError(f"{path.name}: the file has more than {MOST_BYTES:,} bytes")
        return yaml.load(text, _Loader)
    except OSError as error:
        raise ProblemFileError(f"{path.name}: the file cannot be read: {error.strerror}") from None
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise ProblemFileError(f"{path.name}: the file is not YAML: {' '.join(str(error).split())}") from None


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """Plain data only, and no key twice."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[Any] = set()
        for key, _ in node.value:
            if key.tag != "tag:yaml.org,2002:merge":
                name = key.value if isinstance(key, yaml.ScalarNode) else None
                if name in seen:
                    twice = f"the key {name} is there twice"
                    raise yaml.constructor.ConstructorError(None, None, twice, key.start_mark)
                seen.add(name)
        found: dict[Hashable, Any] = super().construct_mapping(node, deep)
        return found


def _told(path: Path, loaded: Any, fault: Fault) -> str:
    """A fault with the problem's id in place of its number."""
    parts = fault.pointer.split("/")[1:]
    if len(parts) < 2 or parts[0] != "problems":
        return f"{path.name}: {fault.pointer or 'the file'}: {fault.message}"
    problem = loaded["problems"][int(parts[1])]
    named = problem.get("id") if isinstance(problem, dict) else None
    which = named if isinstance(named, str) else f"number {int(parts[1]) + 1}"
    field = "/".join(parts[2:])
    return f"{path.name}: problem {which}{f', {field}' if field else ''}: {fault.message}"
