"""What holds for the whole run: no test judges by the clock, none changes what the next one may
write, and CI skips nothing."""

import os
from collections.abc import Generator

import pytest
from hypothesis import settings

# Speed is measured in benchmarks/; a slow machine must not fail a correct program.
settings.register_profile("qanat", settings(), deadline=None)
settings.load_profile("qanat")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol() -> Generator[None, bool | None, bool | None]:
    """Programs that run in this process narrow the umask for good."""
    before = os.umask(0o022)
    os.umask(before)
    try:
        return (yield)
    finally:
        os.umask(before)


def _skipped(config: pytest.Config) -> list[pytest.TestReport]:
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    return list(reporter.stats.get("skipped", [])) if reporter is not None else []


def _forbids_skips(config: pytest.Config) -> bool:
    return os.environ.get("CI") == "true" and not hasattr(config, "workerinput")


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail a run that skipped something where `CI=true`: a missing tool there is a defect."""
    if _forbids_skips(session.config) and _skipped(session.config):
        session.exitstatus = session.exitstatus or pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Say which tests were skipped, so that the failure explains itself."""
    if not _forbids_skips(config):
        return
    for report in _skipped(config):
        terminalreporter.write_line(f"skipped where nothing may be: {report.nodeid}", red=True)
