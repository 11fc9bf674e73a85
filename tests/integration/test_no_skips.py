"""A test run cannot pass by skipping."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from dockwright import process
from dockwright.errors import ProcessError

CONFTEST = Path(__file__).parents[1] / "conftest.py"
# Ways to leave a test out: each must be told, and none may let the run pass.
FILES = {
    "tests/test_passes.py": "def test_passes(): pass\n",
    "tests/test_mark.py": "import pytest\n@pytest.mark.skip(reason='why 1')\ndef test_it(): pass\n",
    "tests/test_call.py": "import pytest\ndef test_it(): pytest.skip('why 2')\n",
    "tests/test_module.py": "import pytest\npytest.skip('why 3', allow_module_level=True)\n",
    "tests/test_xfail.py": "import pytest\n@pytest.mark.xfail(reason='why 4')\ndef test_it(): 1 / 0\n",
    "code/doctests.py": '"""\n>>> 1  # doctest: +SKIP\n"""\n',
}


def run_pytest(folder: Path, files: dict[str, str]) -> str:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    shutil.copy(CONFTEST, folder / "tests")
    options = ("--continue-on-collection-errors", "--doctest-modules", "--tb=line", "-q")
    folders = sorted({name.partition("/")[0] for name in files})
    return process.run(
        (sys.executable, "-m", "pytest", "--rootdir", folder, *options, *folders),
        cwd=folder,
        env={"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_ADDOPTS": ""},
        timeout_s=60,
    )


def test_every_way_to_skip_fails_the_run_and_says_why(tmp_path: Path) -> None:
    with pytest.raises(ProcessError) as failure:
        run_pytest(tmp_path, FILES)
    told = str(failure.value)
    assert "skipped" not in told.splitlines()[-1]
    for number in range(1, 5):
        assert f"why {number}" in told
    for name in FILES:
        assert (f"FAILED {name}" in told or f"ERROR {name}" in told) == ("passes" not in name)


def test_a_run_without_skips_passes(tmp_path: Path) -> None:
    passing = {name: text for name, text in FILES.items() if "passes" in name}
    assert "1 passed" in run_pytest(tmp_path, passing)
