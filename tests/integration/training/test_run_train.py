"""`dockwright run train`: a user's script and data in, results in a folder out, whatever happens."""

from __future__ import annotations

import json
import signal
import time
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from dockwright import process
from dockwright.errors import INTERRUPTED, ProcessError
from dockwright.stages.run import site
from dockwright.stages.run.job import Job
from training_material import under

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from serving_container import Files
    from training_container import TrainingImage

TIMEOUT_S = 120
SCRIPT = """
import json, os, signal, subprocess, sys, time
from pathlib import Path

saved = Path("/opt/ml/checkpoints/step")
step = int(saved.read_text()) if saved.exists() else 0

def stop(number, frame):
    print("told to stop", file=sys.stderr, flush=True)
    time.sleep(float(os.environ.get("SAVING", "0")))
    saved.write_text(str(step))
    sys.exit(3)

signal.signal(signal.SIGTERM, stop)
host = os.environ["SM_CURRENT_HOST"]
print(f"training on {host}", flush=True)
Path(os.environ["SM_MODEL_DIR"], f"{host}.json").write_text(json.dumps({
    "arguments": sys.argv[1:],
    "code": sorted(os.listdir("/opt/ml/code")),
    "data": {name: sorted(os.listdir(os.environ[f"SM_CHANNEL_{name.upper()}"]))
             for name in json.loads(os.environ["SM_CHANNELS"])},
    "hosts": json.loads(os.environ["SM_HOSTS"]),
    "from": step,
    "ranks": os.environ.get("WORLD_SIZE", "1"),
}))
Path(os.environ["SM_OUTPUT_DATA_DIR"], "rows.csv").write_text("1")
print("begun", file=sys.stderr, flush=True)
while os.environ.get("LONG"):
    step += 1
    time.sleep(0.05)
if os.environ.get("LEAVES"):
    subprocess.Popen(["sleep", "1000"], start_new_session=True)
if os.environ.get("FAILS"):
    raise ValueError("no luck")
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Project:
    """A user's folder, which is no checkout, and the command as it is typed there."""

    path: Path
    argv: tuple[str, ...]
    image: TrainingImage

    def train(self, *args: str) -> dict[str, Any]:
        """Run to the end and return what was printed."""
        argv = (*self.argv, *args, "--json")
        printed: dict[str, Any] = json.loads(process.run(argv, cwd=self.path, timeout_s=TIMEOUT_S))
        return printed

    def interrupted(self, *args: str, seconds_between: tuple[float, ...]) -> tuple[int, str]:
        """Press Ctrl-C so often, first when the script runs; return exit code and what was said."""
        argv = (*self.argv, *args, "--env", "LONG=1")
        with process.streaming(argv, cwd=self.path) as (running, lines):
            said = ""
            while "begun" not in said:
                said += next(lines)
            for seconds in seconds_between:
                time.sleep(seconds)
                running.send_signal(signal.SIGINT)
            said += "".join(lines)
            return running.wait(TIMEOUT_S), said

    def result(self, host: str = "algo-1") -> dict[str, Any]:
        """Return what the script has saved."""
        saved: dict[str, Any] = json.loads(
            (self.path / "output" / "model" / f"{host}.json").read_text("utf-8")
        )
        return saved

    def remains(self) -> list[str]:
        """Return containers and networks of runs that began with this project's script."""
        api = self.image.docker.api
        filters = {"label": site.LABEL}
        found = [*api.containers(all=True, filters=filters), *api.networks(filters=filters)]
        return [one["Id"] for one in found if one["Labels"][site.LABEL].startswith("only-here-")]


@pytest.fixture
def project(image: TrainingImage, program: tuple[str, ...], tmp_path: Path) -> Project:
    write(
        tmp_path,
        {
            "src/only_here.py": SCRIPT,
            "src/helper.py": "",
            "data/rows.csv": "1,2",
            "other/test.csv": "3",
        },
    )
    argv = (*program, "run", "train", "--image", image.digest, "--script", "src/only_here.py")
    return Project(path=tmp_path, argv=argv, image=image)


def write(folder: Path, files: Mapping[str, str]) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def test_a_script_gets_what_was_named_and_its_results_come_back(project: Project) -> None:
    outcome = project.train(
        *("--source", "src", "--data", "data", "--data", "test=other/test.csv"),
        *("--hyperparameters", "epochs=3", "name=bert", "--network", "none"),
    )
    assert outcome["exit_code"] == 0
    assert outcome["hosts"] == {"algo-1": 0}
    assert project.result() == {
        "arguments": ["--epochs", "3", "--name", "bert"],
        "code": ["helper.py", "only_here.py"],
        "data": {"test": ["test.csv"], "train": ["rows.csv"]},
        "hosts": ["algo-1"],
        "from": 0,
        "ranks": "1",
    }
    output = project.path / "output"
    assert sorted(path.name for path in output.iterdir()) == ["data", "model", "success"]
    assert (output / "data" / "rows.csv").read_text() == "1"
    assert project.remains() == []


def test_a_script_that_fails_is_told_with_its_own_exit_code_whatever_it_leaves_running(
    project: Project,
) -> None:
    (project.path / "output").mkdir()
    (project.path / "output" / "success").touch()
    with pytest.raises(ProcessError, match="exited with code 1:") as failed:
        project.train("--env", "FAILS=1", "--env", "LEAVES=1", "--network", "none")
    assert "no luck" in failed.value.stderr.splitlines()[-1]
    output = project.path / "output"
    assert sorted(path.name for path in output.iterdir()) == ["data", "failure", "model"]
    assert "no luck" in (output / "failure").read_text()
    assert project.remains() == []


def test_two_hosts_train_together_and_both_results_come_back(project: Project) -> None:
    outcome = project.train("--hosts", "2", "--processes", "2", "--network", "none")
    assert outcome["hosts"] == {"algo-1": 0, "algo-2": 0}
    for host in ("algo-1", "algo-2"):
        assert project.result(host)["hosts"] == ["algo-1", "algo-2"]
        assert project.result(host)["ranks"] == "4"  # by torchrun: the image is of PyTorch
    assert project.remains() == []


@pytest.mark.full
def test_an_example_of_the_image_s_own_trains_on_two_hosts(
    project: Project, material: Files, tmp_path: Path
) -> None:
    channels = {name: under(material, f"data/csv/{name}") for name in ("train", "test")}
    channels["model"] = under(material, "models/bert")
    options = [*project.argv[: project.argv.index("--script")], "--script"]
    options += ["example:text-classification", "--hosts", "2", "--network", "none", "--json"]
    for channel, files in channels.items():
        for name, content in files.items():
            path = tmp_path / "channels" / channel / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        options += ["--data", f"{channel}=channels/{channel}"]
    options += ["--hyperparameters", "num_train_epochs=1", "learning_rate=5e-3"]
    outcome = json.loads(process.run(options, cwd=tmp_path, timeout_s=TIMEOUT_S))
    assert outcome["hosts"] == {"algo-1": 0, "algo-2": 0}
    model = tmp_path / "output" / "model"
    assert json.loads((model / "eval_results.json").read_text())["epoch"] == 1.0
    assert (model / "model.safetensors").is_file()


def test_ctrl_c_lets_the_script_save_and_the_next_run_goes_on_from_there(project: Project) -> None:
    resumable = ("--checkpoints", "saved", "--network", "none")
    code, said = project.interrupted(*resumable, seconds_between=(0.5,))
    assert code == INTERRUPTED
    assert "told to stop" in said
    step = int((project.path / "saved" / "step").read_text())
    assert step > 0
    assert project.remains() == []
    project.train(*resumable)
    assert project.result()["from"] == step


def test_a_second_ctrl_c_waits_for_nothing_and_keeps_what_was_saved(project: Project) -> None:
    patient = ("--checkpoints", "saved", "--network", "none", "--env", "SAVING=100")
    write(project.path, {"saved/step": "5"})
    started = time.monotonic()
    code, said = project.interrupted(*patient, seconds_between=(0, 1))
    assert code == INTERRUPTED
    assert "told to stop" in said
    assert time.monotonic() - started < 60
    assert project.result()["from"] == 5
    assert (project.path / "saved" / "step").read_text() == "5"
    assert (project.path / "output" / "failure").read_text() == "algo-1 ended with exit code 137"
    assert project.remains() == []


def test_when_the_program_is_killed_its_containers_end_and_the_next_run_tidies_up(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    argv = (*project.argv, "--hosts", "2", "--distribution", "none", "--env", "LONG=1")
    with process.streaming(argv, cwd=project.path) as (running, lines):
        while "begun" not in next(lines):
            pass
        running.kill()
        running.wait()
    api = project.image.docker.api
    deadline = time.monotonic() + TIMEOUT_S
    while [one for one in project.remains() if one not in networks(project)]:
        assert time.monotonic() < deadline
        time.sleep(0.2)
    assert len(networks(project)) == 1
    monkeypatch.setattr(site, "STALE", timedelta(0))
    nothing = Job(
        name="only-here-nothing",
        image=project.image.digest,
        hyperparameters={},
        code=(),
        channels={},
        checkpoints=(),
        checkpoints_path=None,
        output_path=project.path,
        hosts=("algo-1",),
        environment={},
        has_gpus=False,
        has_network=False,
    )
    with site.opened(project.image.docker, nothing) as (host,):
        assert networks(project) == []
        assert api.inspect_container(host.container)["State"]["Running"]
    assert project.remains() == []


def networks(project: Project) -> list[str]:
    found = project.image.docker.api.networks(filters={"label": site.LABEL})
    return [n["Id"] for n in found if n["Labels"][site.LABEL].startswith("only-here-")]
