"""`train` gives a script its arguments and channels, and passes its end on; failures say why."""

import json
import os
import subprocess
import tempfile
from pathlib import Path

SCRIPT = """
import os, sys
from pathlib import Path
assert sys.argv[1:] == ["--epochs", "3"], sys.argv
words = Path(os.environ["SM_CHANNEL_TRAIN"], "words.txt").read_text()
Path(os.environ["SM_MODEL_DIR"], "model.txt").write_text(words.upper())
if words == "bad":
    raise ValueError("these words teach nothing")
"""


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def train(base, words):
    """Run a job that learns these words; return its end."""
    settings = {"sagemaker_program": json.dumps("learn.py"), "epochs": "3"}
    write(base / "input/config/hyperparameters.json", json.dumps(settings))
    write(base / "input/data/train/words.txt", words)
    write(base / "code/learn.py", SCRIPT)
    for name in ("model", "output/data"):
        (base / name).mkdir(parents=True)
    environment = os.environ | {"SAGEMAKER_BASE_DIR": str(base)}
    return subprocess.run(
        ["train"], env=environment, capture_output=True, text=True, timeout=60, check=False
    )


with tempfile.TemporaryDirectory() as folder:
    good, bad = Path(folder, "good"), Path(folder, "bad")
    done = train(good, "some")
    assert done.returncode == 0, done.stderr
    assert (good / "model/model.txt").read_text() == "SOME", done.stderr
    assert not (good / "output/failure").exists()
    done = train(bad, "bad")
    assert done.returncode == 1, f"exit code {done.returncode}: {done.stderr}"
    reason = (bad / "output/failure").read_text()
    assert "ValueError: these words teach nothing" in reason, reason
    assert (bad / "model/model.txt").exists(), "what was saved before the failure is gone"
print(reason)
