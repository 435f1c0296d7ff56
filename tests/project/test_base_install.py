"""`pip install chainrule`, with no extra, in an environment of its own."""

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", params=["pinned", "lowest"])
def bin_folder(request, tmp_path_factory):
    """Where the commands of an environment are that has the versions of CI, or the lowest that are said to do."""
    folder = tmp_path_factory.mktemp("base-install")
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    pip = [folder / "bin" / "python", "-m", "pip", "install", "--quiet"]
    dependencies = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    lowest = [each.replace(">=", "==") for each in dependencies]
    versions = ["--constraint", ROOT / "constraints.txt"] if request.param == "pinned" else lowest
    done = subprocess.run([*pip, *versions, ROOT], capture_output=True, text=True, check=False)
    if done.returncode:
        reason = f"installing needs a package index: {done.stderr.strip().splitlines()[-1]}"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    return folder / "bin"


def output_of(*command, cwd, stdin=""):
    done = subprocess.run(command, cwd=cwd, input=stdin, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_it_brings_neither_torch_nor_a_web_framework(bin_folder, tmp_path):
    listing = output_of(bin_folder / "python", "-m", "pip", "list", "--format=json", cwd=tmp_path)
    names = {package["name"] for package in json.loads(listing)}
    assert {"chainrule", "numpy"} <= names
    assert not names & {"torch", "fastapi", "starlette", "uvicorn"}


@pytest.mark.parametrize("module", ["chainrule_client", "chainrule_client.local", "chainrule.operations"])
def test_modules_import(module, bin_folder, tmp_path):
    output_of(bin_folder / "python", "-c", f"import {module}", cwd=tmp_path)


def test_the_command_line_computes_gradients(bin_folder, tmp_path):
    draw = np.random.default_rng(3)
    x, y, weight = draw.normal(size=(5, 3)), draw.normal(size=(5, 2)), draw.normal(size=(2, 3))
    request = {
        "network": {"layers": [{"op": "linear", "weight": weight.tolist()}]},
        "inputs": x.tolist(),
        "targets": y.tolist(),
        "loss": {"op": "squared_error", "reduction": "sum"},
    }
    reply = output_of(bin_folder / "chainrule", "gradients", "-", "--json", cwd=tmp_path, stdin=json.dumps(request))
    expected = 2 * (x @ weight.T - y).T @ x
    np.testing.assert_allclose(json.loads(reply)["gradients"]["W1"], expected, rtol=1e-12)


def test_the_bundled_problems_are_there(bin_folder, tmp_path):
    listed = output_of(bin_folder / "chainrule", "problems", cwd=tmp_path)
    assert "nyu-hw1/1.2b" in listed
    drawn = output_of(bin_folder / "chainrule", "instance", "nyu-hw1/1.2b", "--seed", "7", "--json", cwd=tmp_path)
    assert json.loads(drawn)["sizes"] == {"K": 5, "a": 7, "n": 3}


def test_serving_says_what_to_install(bin_folder, tmp_path):
    done = subprocess.run(
        [bin_folder / "chainrule", "serve"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode != 0
    assert "chainrule[service]" in done.stderr
    assert "Traceback" not in done.stderr
