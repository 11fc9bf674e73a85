"""What holds for every test: a skip is a failure, so that no run passes by leaving tests out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Generator

    Report = pytest.TestReport | pytest.CollectReport


class NoSkips:
    """Turns skips and expected failures into failures.

    A plugin, because hooks of a conftest.py see only what is below it: not the doctests of scripts/.
    """

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self,
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        report = yield
        refuse_skip(report)
        return report

    @pytest.hookimpl(wrapper=True)
    def pytest_make_collect_report(
        self,
    ) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
        report = yield
        refuse_skip(report)
        return report


def refuse_skip(report: Report) -> None:
    """Make a skipped report a failed one that says why it was skipped."""
    if report.skipped:
        skipped = report.longrepr[2] if isinstance(report.longrepr, tuple) else "Expected to fail"
        why = report.__dict__.pop("wasxfail", "")
        report.outcome = "failed"
        report.longrepr = f"{skipped} {why}\nA skip is a failure here: mend it or remove the test."


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update", action="store_true", help="Write expected files anew where they differ."
    )


@pytest.fixture(scope="session")
def update(pytestconfig: pytest.Config) -> bool:
    """Whether tests write the committed files that they compare with."""
    return bool(pytestconfig.getoption("--update"))


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(NoSkips(), "no-skips")
