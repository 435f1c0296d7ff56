"""Small test suites, each run by a pytest of its own, with the grader's place taken by one that is easy to foresee."""

import os
import subprocess
import sys
from textwrap import dedent

import pytest

from chainrule_client import exporters

GRADER = '''
"""An answer that is a number has that part of its points; None is missing; text makes grading itself fail."""
from chainrule_client import local

TRUTH = 31.41592653589793

def grade(problem, answers, *, policy=None, points=None):
    seen.append((problem, policy))
    items = []
    for name, value in answers.get("gradients", {}).items():
        if isinstance(value, str):
            raise ConnectionError(f"a secret: {TRUTH}")
        most = (points or {}).get(f"gradients.{name}", 1)
        message = "right" if value == 1 else "there is no answer" if value is None else "3 of 4 entries are wrong"
        items.append({"quantity": f"gradients.{name}", "status": "wrong", "points": most * (value or 0),
                      "max_points": most, "message": message, "expected": [TRUTH]})
    return {"score": sum(i["points"] for i in items), "max_score": sum(i["max_points"] for i in items),
            "items": items, "diagnosis": []}

seen = []
local.grade = grade
'''


class Suite:
    """A folder with test files, and what pytest does with them."""

    def __init__(self, folder):
        self.folder = folder
        (folder / "conftest.py").write_text(GRADER)

    def run(self, text, *options, outputs=("gradescope",), plugins=(), **files):
        """Run one file of tests. Returns the exit status, what was printed, and each platform's text."""
        for name, content in {"test_it": text, **files}.items():
            (self.folder / f"{name}.py").write_text(dedent(content))
        wanted = [f"--chainrule-output={platform}:{self.folder / platform}" for platform in outputs]
        loaded = [f"-p{name}" for name in ("chainrule_client.pytest_plugin", *plugins)]
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("CHAINRULE_", "PYTEST_"))}
        done = subprocess.run(
            [sys.executable, "-mpytest", "-q", "-pno:cacheprovider", *loaded, *wanted, *options],
            cwd=self.folder,
            env={**kept, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=100,
            check=False,
        )
        for platform in outputs:
            assert (self.folder / platform).exists(), done.stdout
            assert exporters.validate(platform, self.folder / platform) == []
        return done.returncode, done.stdout, {each: (self.folder / each).read_text() for each in outputs}


@pytest.fixture
def suite(tmp_path):
    return Suite(tmp_path)
