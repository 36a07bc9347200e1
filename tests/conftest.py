"""What holds for the whole run: no test judges by the clock, none changes what the next one may
write, the longest begin first, and CI skips nothing."""

import gc
import os
from collections.abc import Generator, Iterator

import pytest
from hypothesis import settings
from tests.derived_once import derived_once

# Speed is measured in benchmarks/; a slow machine must not fail a correct program.
settings.register_profile("qanat", settings(), deadline=None)
settings.load_profile("qanat")


LONG = (
    "tests/test_benchmarks.py",
    "tests/test_bad_links.py",
    "tests/test_mesh_of_processes.py",
    "tests/web/test_journey.py",
    "tests/web/test_screens.py",
    "tests/web/test_vectors.py",
    "tests/web/desk/",
    "tests/client/desk/serve/test_flood.py",
    "tests/client/desk/media/test_showing.py",
    "tests/client/desk/media/test_unprivileged.py",
    "tests/attackers/test_storm.py",
    "tests/fuzz/test_fuzzing.py",
    "tests/test_wheel.py",
    "tests/end_to_end/",
    "tests/relay/running/",
    "tests/simulation/",
    "tests/kills/",
    "tests/linkage/",
)
"""Where the tests are that take the longest: begun last, one would run alone at the end."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long tests first; otherwise as they were collected."""
    items.sort(key=lambda item: not item.nodeid.startswith(LONG))


def pytest_collection_finish() -> None:
    """What was collected stays to the end: it need not be looked through for garbage."""
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def _vaults_open_at_once() -> Iterator[None]:
    with derived_once():
        yield


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
