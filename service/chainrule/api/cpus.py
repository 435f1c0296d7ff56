"""How many CPUs this process may use, in a container too."""

from __future__ import annotations

import os
from pathlib import Path

from chainrule.api.control_groups import OWN, ControlGroups, content


def available_cpus(groups: ControlGroups = OWN) -> int:
    """The fewer of the CPUs that the process may run on and those that its control groups pay for, at least 1."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quotas = [quota for folder in groups.folders("cpu") if (quota := _quota(folder)) is not None]
    return max(1, min(allowed, *map(int, quotas))) if quotas else allowed


def _quota(folder: Path) -> float | None:
    """CPUs' worth of time: `cpu.max` of version 2 holds quota and period, version 1 has a file for each."""
    both = content(folder / "cpu.max")
    if both is None:
        both = f"{content(folder / 'cpu.cfs_quota_us')} {content(folder / 'cpu.cfs_period_us')}"
    quota, _, period = both.partition(" ")
    # No limit is "max" in version 2 and -1 in version 1.
    if not quota.isdecimal() or not period.isdecimal() or int(period) == 0:
        return None
    return int(quota) / int(period)
