"""The CPUs at hand: those that the process may run on, or fewer where its control groups say so."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from chainrule.api.control_groups import ControlGroups
from chainrule.api.cpus import available_cpus

MACHINE = 8


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(MACHINE)), raising=False)


def cpus(folder: Path, files: dict[str, str], membership: str = "") -> int:
    """What is counted where control groups hold these files, and the process is where `membership` says."""
    for name, text in {**files, "membership": membership}.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return available_cpus(ControlGroups(folder, folder / "membership"))


def version_1(quota: str, period: str = "100000", group: str = "cpu") -> dict[str, str]:
    return {f"{group}/cpu.cfs_quota_us": f"{quota}\n", f"{group}/cpu.cfs_period_us": f"{period}\n"}


def test_without_control_groups_all_of_them(tmp_path):
    assert available_cpus(ControlGroups(tmp_path / "none", tmp_path / "nowhere")) == MACHINE


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("200000 100000\n", 2),
        ("250000 100000\n", 2),
        ("50000 100000\n", 1),
        ("6400000 100000\n", MACHINE),
        ("max 100000\n", MACHINE),
        ("100000 0\n", MACHINE),
        ("100000\n", MACHINE),
        ("\n", MACHINE),
        ("soon enough\n", MACHINE),
    ],
)
def test_a_quota_of_version_2(tmp_path, text, count):
    assert cpus(tmp_path, {"cpu.max": text}) == count


@pytest.mark.parametrize(("quota", "count"), [("300000", 3), ("10000", 1), ("-1", MACHINE), ("", MACHINE)])
def test_a_quota_of_version_1(tmp_path, quota, count):
    assert cpus(tmp_path, version_1(quota)) == count


def test_a_quota_without_a_period_is_none(tmp_path):
    assert cpus(tmp_path, {"cpu/cpu.cfs_quota_us": "100000"}) == MACHINE


def test_the_groups_own_quota_counts(tmp_path):
    files = {"system.slice/chainrule.service/cpu.max": "300000 100000"}
    assert cpus(tmp_path, files, "0::/system.slice/chainrule.service\n") == 3
    assert cpus(tmp_path, {}, "0::/system.slice/ssh.service\n") == MACHINE


def test_of_the_groups_around_it_the_least_counts(tmp_path):
    files = {"cpu.max": "max 100000", "a/cpu.max": "200000 100000", "a/b/cpu.max": "500000 100000"}
    assert cpus(tmp_path, files, "0::/a/b\n") == 2


def test_the_group_of_version_1_is_that_of_the_controller(tmp_path):
    files = {**version_1("300000", group="cpu/mine"), **version_1("100000", group="cpu/another")}
    membership = "5:memory:/another\n3:cpu,cpuacct:/mine\n1:name=systemd:/another\n0::/another\n"
    assert cpus(tmp_path, files, membership) == 3


def test_a_group_that_is_not_visible_leaves_the_root(tmp_path):
    assert cpus(tmp_path, {"cpu.max": "200000 100000"}, "0::/docker/0123\n") == 2


@pytest.mark.parametrize("membership", ["", "\n", "0:\n", "nothing of the kind\n", "0::/../outside\n", "0::/a:b\n"])
def test_a_strange_membership_leaves_the_root(tmp_path, membership):
    files = {"root/cpu.max": "200000 100000", "outside/cpu.max": "100000 100000"}
    cpus(tmp_path, files, membership)
    assert available_cpus(ControlGroups(tmp_path / "root", tmp_path / "membership")) == 2
