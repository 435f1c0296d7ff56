"""The command that serves."""

import os
import signal
import subprocess
import sys
from types import ModuleType

import pytest

from client.command_line import run


@pytest.fixture
def sigterm():
    """What is done on SIGTERM is as it was, after the test."""
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


@pytest.mark.usefixtures("sigterm")
def test_serve_says_how_to_install_what_it_needs(monkeypatch):
    monkeypatch.delitem(sys.modules, "chainrule.api.server", raising=False)
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    result = run("serve")
    assert result.exit_code == 1
    assert result.stderr == "chainrule: serve needs uvicorn: pip install 'chainrule[service]'\n"


@pytest.fixture
def served(monkeypatch, sigterm):
    """What the server is called with, and how many threads it would find."""
    calls = []
    server = ModuleType("chainrule.api.server")
    server.serve = lambda host, port, settings, processes: calls.append(
        (host, port, processes, os.environ["OMP_NUM_THREADS"])
    )
    monkeypatch.setitem(sys.modules, "chainrule.api.server", server)
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        monkeypatch.setenv(name, "")  # so that it is put back
        monkeypatch.delenv(name)
    return calls


def test_serve_passes_on_what_it_is_told_and_leaves_the_rest_to_the_settings(served):
    assert run("serve", "--host", "0.0.0.0", "--port", "0", "--processes", "3").exit_code == 0
    assert run("serve").exit_code == 0
    assert served == [("0.0.0.0", 0, 3, "1"), (None, None, None, "1")]


def test_serve_leaves_the_number_of_threads_alone_where_it_is_set(served, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    run("serve")
    assert served == [(None, None, None, "3")]


def test_sigterm_while_the_service_is_loaded_is_an_end_in_order():
    loading = "cli._settings = lambda: os.kill(os.getpid(), signal.SIGTERM)"
    code = f"import os, signal; from chainrule_client import cli; {loading}; cli.app(['serve'])"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")


def test_serve_says_which_setting_is_wrong(served, monkeypatch):
    monkeypatch.setenv("CHAINRULE_PORT", "many")
    result = run("serve")
    assert result.exit_code == 2
    assert result.stderr.startswith("chainrule: CHAINRULE_PORT: ")
    assert result.stderr.count("\n") == 1
    assert served == []
