"""The memory for one request's arrays: what the machine or its control groups have, shared out among the workers."""

from __future__ import annotations

import asyncio
import ctypes
import os
import re
from pathlib import Path
from typing import Any

import httpx
import pytest

from chainrule.api import Settings, create_app, settings
from chainrule.api.available_memory import available_memory
from chainrule.api.control_groups import ControlGroups
from chainrule.api.device_memory import device_memory

MIB, GIB = 2**20, 2**30
MACHINE = 64 * GIB
UNLIMITED_1 = "9223372036854771712\n"
SETTINGS_PAGE = Path(__file__).parents[2] / "docs" / "settings.md"


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> None:
    pages = {"SC_PHYS_PAGES": MACHINE // 4096, "SC_PAGE_SIZE": 4096}
    monkeypatch.setattr(os, "sysconf", pages.__getitem__, raising=False)


@pytest.fixture
def at_hand(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Settings on a machine or in a container of so much memory and so many CPUs."""

    def chosen(memory: int | None, cpus: int, on_device: int | None = None, **given: Any) -> Settings:
        monkeypatch.setattr(settings, "available_memory", lambda: memory)
        monkeypatch.setattr(settings, "device_memory", lambda: on_device)
        monkeypatch.setattr(settings, "available_cpus", lambda: cpus)
        return Settings(**given)

    return chosen


def memory(folder: Path, files: dict[str, str], membership: str = "") -> int | None:
    """What is found where control groups hold these files, and the process is where `membership` says."""
    for name, text in {**files, "membership": membership}.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return available_memory(ControlGroups(folder, folder / "membership"))


@pytest.mark.usefixtures("machine")
class TestAtHand:
    """What there is."""

    def test_without_control_groups_it_is_the_machines(self, tmp_path):
        assert available_memory(ControlGroups(tmp_path / "none", tmp_path / "nowhere")) == MACHINE

    @pytest.mark.parametrize(
        ("text", "found"),
        [(f"{GIB}\n", GIB), (f"{2 * MACHINE}\n", MACHINE), ("max\n", MACHINE), ("\n", MACHINE), ("-1\n", MACHINE)],
    )
    def test_a_limit_of_version_2(self, tmp_path, text, found):
        assert memory(tmp_path, {"memory.max": text}) == found

    @pytest.mark.parametrize(("text", "found"), [(f"{GIB}\n", GIB), (UNLIMITED_1, MACHINE)])
    def test_a_limit_of_version_1(self, tmp_path, text, found):
        assert memory(tmp_path, {"memory/memory.limit_in_bytes": text}) == found

    def test_of_the_group_and_those_around_it_the_least_counts(self, tmp_path):
        files = {"memory.max": "max", "a/memory.max": str(GIB), "a/b/memory.max": str(3 * GIB)}
        assert memory(tmp_path, files, "0::/a/b\n") == GIB

    def test_the_group_of_version_1_is_that_of_the_controller(self, tmp_path):
        files = {
            "memory/memory.limit_in_bytes": UNLIMITED_1,
            "memory/mine/memory.limit_in_bytes": str(3 * GIB),
            "memory/another/memory.limit_in_bytes": str(GIB),
        }
        assert memory(tmp_path, files, "7:memory:/mine\n2:cpu,cpuacct:/another\n0::/another\n") == 3 * GIB

    def test_a_group_that_is_not_visible_leaves_the_root(self, tmp_path):
        assert memory(tmp_path, {"memory.max": str(GIB)}, "0::/docker/0123\n") == GIB


@pytest.mark.parametrize("failure", [ValueError("unrecognized configuration name"), OSError()])
def test_where_nothing_tells_nothing_is_known(tmp_path, monkeypatch, failure):
    def unknown(_: str) -> int:
        raise failure

    monkeypatch.setattr(os, "sysconf", unknown, raising=False)
    assert memory(tmp_path, {}) is None
    assert memory(tmp_path, {"memory.max": str(GIB)}) == GIB


def size(text: str) -> int:
    number, unit = text.split()
    return int(number) * {"MiB": MIB, "GiB": GIB}[unit]


def table() -> list[list[str]]:
    """The rows of the table in docs/settings.md."""
    rows = re.findall(
        r"^\| (\d+ [GM]iB) \| (\d+) \| (\d+) \| (\d+ [GM]iB) \|$", SETTINGS_PAGE.read_text(), re.MULTILINE
    )
    assert rows
    return rows


@pytest.mark.parametrize("row", table(), ids=" ".join)
def test_it_is_shared_out_as_the_page_says(at_hand, row):
    found, cpus, workers, each = row
    chosen = at_hand(size(found), int(cpus))
    assert (chosen.workers, chosen.memory) == (int(workers), size(each))


@pytest.mark.parametrize("found", [64 * MIB, 300 * MIB, GIB, 5 * GIB, 7 * GIB, 500 * GIB])
@pytest.mark.parametrize("cpus", [1, 2, 3, 7, 64])
@pytest.mark.parametrize("given", [{}, {"threads": 2}, {"concurrency": 5}], ids=str)
def test_the_arrays_of_all_that_compute_take_at_most_half(at_hand, found, cpus, given):
    chosen = at_hand(found, cpus, **given)
    assert 1 <= chosen.workers * chosen.memory <= found // 2
    assert chosen.memory <= 2 * GIB
    assert given or chosen.workers <= cpus


@pytest.mark.parametrize(("on_device", "each"), [(None, GIB), (80 * GIB, GIB), (4 * GIB, GIB // 2), (GIB, GIB // 8)])
def test_half_of_the_smallest_accelerator_is_shared_out_too(on_device, each, at_hand):
    assert at_hand(8 * GIB, 4, on_device).memory == each
    assert at_hand(8 * GIB, 4, on_device, max_memory_bytes=7).memory == 7


class Driver:
    """NVIDIA's management library, of a machine with devices of so much memory."""

    def __init__(self, *totals: int, starts: bool = True) -> None:
        self._totals, self._starts = totals, starts

    def nvmlInit_v2(self) -> int:  # noqa: N802
        return 0 if self._starts else 9

    def nvmlShutdown(self) -> int:  # noqa: N802
        return 0

    def nvmlDeviceGetCount_v2(self, count: Any) -> int:  # noqa: N802
        count._obj.value = len(self._totals)
        return 0

    def nvmlDeviceGetHandleByIndex_v2(self, index: int, device: Any) -> int:  # noqa: N802
        device._obj.value = index + 1
        return 0

    def nvmlDeviceGetMemoryInfo(self, device: Any, memory: Any) -> int:  # noqa: N802
        memory._obj.total = self._totals[device.value - 1]
        return 0


@pytest.mark.parametrize(
    ("driver", "found"),
    [(Driver(80 * GIB, 24 * GIB), 24 * GIB), (Driver(), None), (Driver(GIB, starts=False), None), (object(), None)],
)
def test_the_driver_tells_what_accelerators_have(driver, found, monkeypatch):
    monkeypatch.setattr(ctypes, "CDLL", lambda _: driver)
    assert device_memory() == found


def test_without_a_driver_there_is_none(monkeypatch):
    def missing(_: str) -> None:
        raise OSError

    monkeypatch.setattr(ctypes, "CDLL", missing)
    assert device_memory() is None


def test_where_nothing_is_known_it_is_2_gib(at_hand):
    chosen = at_hand(None, 8)
    assert (chosen.workers, chosen.memory) == (8, 2 * GIB)


def test_what_is_set_is_taken_as_it_is(at_hand):
    chosen = at_hand(GIB, 8, max_memory_bytes=3 * GIB)
    assert (chosen.workers, chosen.memory) == (8, 3 * GIB)
    chosen = at_hand(GIB, 8, concurrency=8)
    assert (chosen.workers, chosen.memory) == (8, 64 * MIB)


def test_the_environment_may_say_so_too(at_hand, monkeypatch):
    monkeypatch.setenv("CHAINRULE_MAX_MEMORY_BYTES", "1000000")
    assert at_hand(GIB, 1).memory == 1_000_000


@pytest.mark.parametrize("given", [{}, {"max_memory_bytes": 12_345}], ids=str)
def test_info_says_what_is_in_force_and_requests_are_held_to_it(at_hand, given):
    chosen = at_hand(GIB, 2, **given)
    limits, refusal = asyncio.run(_info_and_refusal(chosen))
    assert limits["memory_bytes"] == given.get("max_memory_bytes", 256 * MIB)
    assert limits["concurrency"] == 2
    assert f"bytes of memory; the limit is {limits['memory_bytes']:,}:" in refusal["detail"]


async def _info_and_refusal(chosen: Settings) -> tuple[dict[str, Any], dict[str, Any]]:
    costly = {"network": {"layers": [{"op": "broadcast", "shape": [5_000, 5_000, 2]}]}, "inputs": [[1, 2]]}
    transport = httpx.ASGITransport(create_app(chosen))
    async with httpx.AsyncClient(transport=transport, base_url="http://in.process") as client:
        info = await client.get("/v1/info")
        refusal = await client.post("/v1/forward", json=costly)
    assert refusal.status_code == 422
    return info.json()["limits"], refusal.json()
