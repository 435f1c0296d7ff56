"""The part of the pytest plugin that writes results: loaded only where they are asked for.

Each test's report carries, from the process that ran it, what its checks earned and what may be told of a failure. The
controlling process collects them, under pytest-xdist as without it, and writes the files when the session is over.
"""

from __future__ import annotations

import time
from collections.abc import Generator
from typing import Any

import pytest

from chainrule_client import exporters
from chainrule_client.errors import ChainruleError
from chainrule_client.exporters.failures import NotGraded, reason_for
from chainrule_client.pytest_plugin import GRADE, worth_of
from chainrule_client.pytest_results import Results, Said

_ATTACHED = "chainrule"
_LONGEST = 300
_CRASHED: dict[str, Any] = {
    "checks": [],
    "fault": None,
    "by_checks": False,
    "error": "the process ended while the test ran",
}


class Recorder:
    """Hooks of one session. On a worker of pytest-xdist it only attaches to reports what they carry."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._is_worker = hasattr(config, "workerinput")
        self._outputs = [_output(each) for each in config.getoption("chainrule_output")]
        self._results = Results()
        self._started = time.monotonic()

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        for item in session.items:
            worth = worth_of(item)
            left_out = any(item.iter_markers("skip")) or any(item.iter_markers("skipif"))
            if worth is not None:
                self._results.expect(item.nodeid, worth.name, worth.points, optional=left_out)
        if self._is_worker:
            self._config.workeroutput[_ATTACHED] = self._results.expected()  # type: ignore[attr-defined]

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        report = yield
        error = call.excinfo.value if call.excinfo else None
        grade = item.stash.get(GRADE, None)
        fault = grade.fault if grade else None
        by_checks = bool(grade and grade.failed_the_test and call.when == "call")
        if call.when == "setup" and isinstance(error, NotGraded | ChainruleError):
            fault = reason_for(error)
        checks = [list(check) for check in grade.checks] if grade else []
        setattr(report, _ATTACHED, {"checks": checks, "fault": fault, "by_checks": by_checks, "error": _told(error)})
        return report

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if self._is_worker:
            return
        carried = getattr(report, _ATTACHED, None) or _CRASHED
        subtest = getattr(report, "context", None)
        self._results.note(report.nodeid, Said(report.when or "", report.outcome, subtest=_name_of(subtest), **carried))

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self._results.not_collected(report.nodeid, _last_error(str(report.longrepr)))

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, node: Any, ids: list[str]) -> None:
        self._results.announced()

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any, error: object | None) -> None:
        self._results.heard((getattr(node, "workeroutput", None) or {}).get(_ATTACHED))

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        if self._is_worker:
            return
        interrupted = exitstatus not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED)
        seconds = round(time.monotonic() - self._started, 3)
        for platform, path in self._outputs:
            exporters.write(platform, self._text(platform, interrupted, seconds), path)
        if any(platform == "prairielearn" for platform, _ in self._outputs):
            session.exitstatus = pytest.ExitCode.OK  # else the file is not read

    def _text(self, platform: str, interrupted: bool, seconds: float) -> str:
        problem = self._config.getoption("chainrule_problem")
        options: dict[str, dict[str, Any]] = {
            "gradescope": {"execution_time": seconds},
            "autolab": {"problem": problem} if problem else {},
        }
        reason = self._results.fault(interrupted)
        if reason is None:
            try:
                return exporters.export(platform, self._results.report(), **options.get(platform, {}))
            except ValueError as error:
                reason = str(error)
        return exporters.failure(platform, reason)


def _output(text: str) -> tuple[str, str]:
    try:
        return exporters.output(text)
    except ValueError as error:
        raise pytest.UsageError(f"--chainrule-output: {error}") from None


def _told(error: BaseException | None) -> str:
    """What may be told of an exception: of an assertion only that it failed, since its text can hold the truth."""
    if error is None:
        return ""
    if isinstance(error, AssertionError):
        return "a check of the test failed"
    if isinstance(error, pytest.fail.Exception | pytest.skip.Exception):
        return str(error.msg or "")[:_LONGEST]
    first = str(error).partition("\n")[0]
    return f"{type(error).__name__}: {first}"[:_LONGEST] if first else type(error).__name__


def _name_of(subtest: Any) -> str | None:
    if subtest is None:
        return None
    given = [f"{name}={value}" for name, value in subtest.kwargs.items()]
    return " ".join([subtest.msg or "", *given]).strip() or "subtest"


def _last_error(longrepr: str) -> str:
    """The line of a traceback's text that names the exception; of an assertion the name alone."""
    lines = [line[1:].strip() for line in longrepr.splitlines() if line.startswith("E ")]
    if any(line.startswith(("assert ", "AssertionError")) for line in lines):
        return "AssertionError"
    return next((line for line in reversed(lines) if ": " in line), "an error")[:_LONGEST]
