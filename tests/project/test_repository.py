"""What holds for every tracked file: small, well named, and about the project alone."""

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LONGEST = 400
EMPTY_NAMES = re.compile(r"(^|/)(utils?|helpers?|misc|common)(\.\w+)?(/|$)")

# The top folders of somebody's machine. A container's /opt, /proc or /etc is not one of them.
MACHINE_PATH = re.compile(r"(?<![\w.}/~-])/(home|Users|work|root)/[\w.-]")


def tracked(*patterns: str) -> list[str]:
    done = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *patterns],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        pytest.skip(f"the list of tracked files needs git and a clone: {done.stderr.strip()}")
    return [name for name in done.stdout.split("\0") if name and (ROOT / name).is_file()]


def test_files_stay_short():
    lengths = {name: len((ROOT / name).read_text().splitlines()) for name in tracked("*.py")}
    assert lengths
    assert {name: length for name, length in lengths.items() if length > LONGEST} == {}


def test_names_say_what_is_inside():
    assert [name for name in tracked() if EMPTY_NAMES.search(name)] == []


def test_no_file_names_a_path_of_one_machine():
    found = []
    for name in tracked():
        text = (ROOT / name).read_text(errors="replace")
        found += [f"{name}: {match[0]}" for match in MACHINE_PATH.finditer(text)]
    assert found == []


def test_the_source_distribution_takes_what_is_at_the_top():
    """A pattern that begins with no slash takes folders of that name anywhere: tests/docs, and no other test."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    included = settings["tool"]["hatch"]["build"]["targets"]["sdist"]["include"]
    assert included
    assert [each for each in included if not (each.startswith("/") and (ROOT / each[1:]).exists())] == []


@pytest.mark.parametrize("name", ["service/chainrule/utils.py", "tests/common/x.py", "helper.py", "a/misc"])
def test_empty_names_are_recognised(name):
    assert EMPTY_NAMES.search(name)


@pytest.mark.parametrize("text", ["see " + "/home" + "/ann/x", "'" + "/work" + "/main'", "/root" + "/.venv"])
def test_machine_paths_are_recognised(text):
    assert MACHINE_PATH.search(text)
