"""What a user types becomes the job that SageMaker's SDK would describe; what is wrong is told."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import fake_engine
from dockwright.errors import DockwrightError, NothingSelectedError, RecordError
from dockwright.spec import axes, records
from dockwright.spec.naming import DLC_LABEL
from dockwright.spec.records import BuildRecord
from dockwright.stages.run import image as images
from dockwright.stages.run.distribution import Distribution
from dockwright.stages.run.image import Image
from dockwright.stages.run.job import Job, archive, documents
from dockwright.stages.run.request import Request, job
from dockwright.stages.run.tree import walk

if TYPE_CHECKING:
    from sample import Sample

TORCH = Image(reference="some/image:1", labels={f"{DLC_LABEL}.framework.pytorch.2-13-0": "true"})
TRAINING = "pytorch-9.1.0-transformers7.8.0-py311-debian12-training-cpu"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user's folder, as the current one."""
    files = {
        "train.py": "print(1)",
        "helper.py": "",
        "requirements.txt": "evaluate",
        ".git/config": "",
        "pkg/__pycache__/x.pyc": "",
        "pkg/x.py": "",
        "data/rows.csv": "1",
        "data/deep/more.csv": "22",
        "output/model/old.bin": "old",
        "saved/step-1/state": "1",
    }
    for name, text in files.items():
        path = tmp_path / "project" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    monkeypatch.chdir(tmp_path / "project")
    return Path("project")


def asked(**changed: object) -> Request:
    fields: dict[str, Any] = {
        "script": "train.py",
        "source": None,
        "data": (),
        "hyperparameters": (),
        "hosts": 1,
        "processes": None,
        "distribution": None,
        "output": Path("output"),
        "checkpoints": None,
        "environment": (),
        "has_gpus": False,
        "has_network": True,
    }
    return Request(**{**fields, **changed})


def sent(made: Job) -> dict[str, str]:
    return {name: file.path.read_text() for name, file in made.files()}


def of(made: Job, name: str) -> Any:  # noqa: ANN401 - JSON
    return json.loads(made.hyperparameters[name])


@pytest.mark.usefixtures("project")
def test_a_script_alone_is_sent_alone(capsys: pytest.CaptureFixture[str]) -> None:
    made = job(asked(), TORCH)
    assert sent(made) == {"code/train.py": "print(1)"}
    assert of(made, "sagemaker_program") == "train.py"
    assert "use --source" in capsys.readouterr().err


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize("script", ["train.py", "./train.py"])
def test_a_source_folder_is_sent_without_results_and_what_is_no_code(script: str) -> None:
    made = job(asked(script=script, source=Path(), checkpoints=Path("saved")), TORCH)
    code = {name for name, _ in made.files() if name.startswith("code/")}
    assert code == {
        f"code/{name}"
        for name in (
            "data/deep/more.csv",
            "data/rows.csv",
            "helper.py",
            "pkg/x.py",
            "requirements.txt",
            "train.py",
        )
    }
    assert sent(made)["checkpoints/step-1/state"] == "1"


@pytest.mark.usefixtures("project")
def test_a_script_is_found_in_its_source_folder_however_it_is_named() -> None:
    for script in ("x.py", "pkg/x.py"):
        made = job(asked(script=script, source=Path("pkg")), TORCH)
        assert of(made, "sagemaker_program") == "x.py"


@pytest.mark.usefixtures("project")
def test_channels_are_named_or_train() -> None:
    made = job(asked(data=["data", "test=data/deep", "a.b=data/rows.csv"]), TORCH)
    assert {name: [f.name for f in files] for name, files in made.channels.items()} == {
        "train": ["deep/more.csv", "rows.csv"],
        "test": ["more.csv"],
        "a.b": ["rows.csv"],
    }
    assert set(documents(made, "algo-1")["inputdataconfig"]) == {"train", "test", "a.b"}


@pytest.mark.usefixtures("project")
def test_hyperparameters_are_values_where_they_can_be() -> None:
    texts = ["epochs=3", "lr=1e-5", "name=bert", "fp16=True", "text=a=b", 'id="007"', "none="]
    made = job(asked(hyperparameters=texts), TORCH)
    own = {key: json.loads(value) for key, value in made.hyperparameters.items()}
    assert {k: v for k, v in own.items() if not k.startswith("sagemaker_")} == {
        "epochs": 3,
        "lr": 1e-5,
        "name": "bert",
        "fp16": True,
        "text": "a=b",
        "id": "007",
        "none": "",
    }


@pytest.mark.usefixtures("project")
def test_every_host_knows_all_and_itself() -> None:
    made = job(asked(hosts=2), TORCH)
    assert of(made, "sagemaker_torch_distributed_enabled") is True
    for name in ("algo-1", "algo-2"):
        resources = documents(made, name)["resourceconfig"]
        assert resources["current_host"] == name
        assert resources["hosts"] == ["algo-1", "algo-2"]


@pytest.mark.usefixtures("project")
def test_what_is_sent_is_the_layout_of_sagemaker() -> None:
    made = job(asked(data=["data"]), TORCH)
    counted: list[int] = []
    content = b"".join(archive(made, "algo-1", counted.append))
    with tarfile.open(fileobj=io.BytesIO(content)) as unpacked:
        files = {m.name for m in unpacked if m.isfile()}
        folders = {m.name for m in unpacked.getmembers() if m.isdir()}
    assert files == {
        "opt/ml/code/train.py",
        "opt/ml/input/config/hyperparameters.json",
        "opt/ml/input/config/inputdataconfig.json",
        "opt/ml/input/config/resourceconfig.json",
        "opt/ml/input/data/train/deep/more.csv",
        "opt/ml/input/data/train/rows.csv",
    }
    assert {"opt/ml/model", "opt/ml/output/data", "opt/ml/input/data/train"} <= folders
    assert sum(counted) > made.size_bytes


@pytest.mark.usefixtures("project")
def test_a_variable_without_a_value_is_the_one_of_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hidden")
    made = job(asked(environment=["HF_TOKEN", "A=b=c", "EMPTY="]), TORCH)
    assert made.environment.items() >= {"HF_TOKEN": "hidden", "A": "b=c", "EMPTY": ""}.items()
    assert made.environment["TRAINING_JOB_NAME"] == made.name


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"script": "no.py"}, "there is no script no.py"),
        ({"script": "no.py", "source": Path("pkg")}, "there is no script no.py in pkg"),
        ({"script": "train.py", "source": Path("pkg")}, "there is no script train.py in pkg"),
        ({"source": Path("train.py")}, "is no folder"),
        ({"script": "example:x", "source": Path()}, "no meaning"),
        ({"data": ["test=nowhere"]}, "there is no nowhere"),
        ({"data": ["data", "data/deep"]}, "the channel train twice"),
        ({"checkpoints": Path("train.py")}, "--checkpoints train.py is no folder"),
        ({"hyperparameters": ["epochs"]}, "give K=V"),
        ({"environment": ["NOT_SET_ANYWHERE"]}, "not set here"),
        ({"environment": ["a-b=1"]}, "give K=V"),
        ({"processes": 2, "distribution": Distribution.NONE}, "takes no --processes"),
    ],
    ids=str,
)
def test_what_makes_no_sense_is_told(changed: dict[str, object], message: str) -> None:
    with pytest.raises(DockwrightError, match=message):
        job(asked(**changed), TORCH)


@pytest.mark.usefixtures("project")
def test_an_image_without_labels_needs_to_be_told_how_to_distribute() -> None:
    foreign = Image(reference="other", labels={})
    with pytest.raises(DockwrightError, match="--distribution"):
        job(asked(hosts=2), foreign)
    assert (
        "sagemaker_mpi_enabled"
        in job(asked(hosts=2, distribution=Distribution.MPI), foreign).hyperparameters
    )
    assert job(asked(), foreign).hosts == ("algo-1",)


def test_links_count_as_what_they_lead_to_and_circles_end(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "blobs").mkdir()
    (tmp_path / "blobs" / "abc").write_text("model")
    (tmp_path / "data" / "deep").mkdir(parents=True)
    (tmp_path / "data" / "model.bin").symlink_to("../blobs/abc")
    (tmp_path / "data" / "broken").symlink_to("nowhere")
    (tmp_path / "data" / "deep" / "up").symlink_to("..")
    files = walk(tmp_path / "data")
    assert [(f.name, f.size_bytes) for f in files] == [("model.bin", 5)]
    assert "broken is left out" in capsys.readouterr().err


def build(sample: Sample, identifier: str) -> None:
    record = BuildRecord(
        identifier=identifier,
        digest="sha256:1",
        finished_at="",
        seconds=0,
        reference=f"built:{identifier}",
        builder="buildkit",
        inputs_sha256="",
        base_digest="",
        is_base_drifted=False,
        media_type="",
        layers=(),
        size_bytes=0,
    )
    records.write(sample.ws.out_path, "build", record)


def find(sample: Sample, image: str, *references: str) -> str:
    client = fake_engine.client(dict.fromkeys(references, "sha256:1"))
    return images.find(
        sample.ws, sample.manifest().variants, image, client, job=axes.Job.TRAINING
    ).reference


def test_the_one_image_that_is_built_is_found_by_a_glob(good: Sample) -> None:
    build(good, TRAINING)
    build(good, TRAINING.replace("training", "inference"))  # which trains nothing
    assert find(good, "*", f"built:{TRAINING}") == f"built:{TRAINING}"
    assert find(good, "pytorch-*", f"built:{TRAINING}") == f"built:{TRAINING}"


def test_any_reference_that_the_engine_has_will_do(good: Sample) -> None:
    assert find(good, "someone/else:1", "someone/else:1") == "someone/else:1"


def test_an_image_that_is_not_there_is_told_with_a_way_out(good: Sample) -> None:
    with pytest.raises(RecordError, match=f"run one of:\n- dockwright build {TRAINING}"):
        find(good, "pytorch-*")
    with pytest.raises(RecordError, match="no image someone/else:1; pull it"):
        find(good, "someone/else:1")
    build(good, TRAINING)
    with pytest.raises(RecordError, match=r"run `dockwright build 'pytorch-\*'`"):
        find(good, "pytorch-*")
    with pytest.raises(NothingSelectedError, match="no variant matches"):
        find(good, "*-inference-*")


def test_of_several_images_the_user_chooses(good: Sample) -> None:
    build(good, TRAINING)
    build(good, TRAINING.replace("cpu", "cu999"))
    with pytest.raises(NothingSelectedError, match="choose one with --image"):
        find(good, "*")
