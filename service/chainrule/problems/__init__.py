"""The problem sets that come with the package, a YAML file each."""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).parent
