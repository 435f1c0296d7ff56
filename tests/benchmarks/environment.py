"""Where a process of the benchmarks runs: our environment, or that of the peers, and with how many threads."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).parents[2]
PEERS = Path(sys.prefix, "peers", "bin")
"""Where the peers are, once `make performance` has installed peers.txt there: a virtual environment inside ours."""

MISSING = "not installed here (make performance installs the peers)"

ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
"""Set before NumPy and torch are imported: more threads than that would measure the machine's other guests."""


def python_beside_peers() -> str:
    """The interpreter that can import both our engine and the peers; ours alone where there are no peers."""
    return str(PEERS / "python") if (PEERS / "python").exists() else sys.executable


def variables(*paths: Path, **more: str) -> Mapping[str, str]:
    """The environment of a child, which imports this tree's packages and what is in `paths`."""
    packages = [ROOT / "service", ROOT / "clients" / "python", *paths]
    return {**os.environ, **ONE_THREAD, "PYTHONPATH": os.pathsep.join(map(str, packages)), **more}


def installed(package: str) -> bool:
    """Whether this process can import it."""
    return importlib.util.find_spec(package) is not None
