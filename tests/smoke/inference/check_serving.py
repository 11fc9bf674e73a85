"""`serve` answers for a model in /opt/ml/model's place, tells its state, and drains on SIGTERM."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace
from transformers import BertConfig, PreTrainedTokenizerFast

FACTS = json.loads(Path(os.environ["DOCKWRIGHT_FACTS"]).read_text())
PORT = 18080
WORDS = ["[PAD]", "[UNK]", "images", "are", "built", "well", "badly"]


def make_model(folder):
    """Write a tiny classifier with random weights, for the framework the image has."""
    backend = Tokenizer(WordLevel({word: i for i, word in enumerate(WORDS)}, unk_token="[UNK]"))
    backend.pre_tokenizer = Whitespace()
    PreTrainedTokenizerFast(
        tokenizer_object=backend, pad_token="[PAD]", unk_token="[UNK]", model_max_length=32
    ).save_pretrained(folder)
    config = BertConfig(
        vocab_size=len(WORDS),
        hidden_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=32,
    )
    if FACTS["module"] == "torch":
        from transformers import BertForSequenceClassification as Model

        Model(config).save_pretrained(folder)
    else:
        from transformers import TFBertForSequenceClassification as Model

        model = Model(config)
        model(model.dummy_inputs)
        model.save_pretrained(folder)


def ask(path, value=None):
    """Return status and body."""
    body = None if value is None else json.dumps(value).encode()
    request = urllib.request.Request(f"http://127.0.0.1:{PORT}{path}", body)
    request.add_header("content-type", "application/json")
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
    except OSError as error:
        return None, str(error)


with tempfile.TemporaryDirectory() as folder:
    make_model(folder)
    environment = os.environ | {"HF_MODEL_DIR": folder, "SAGEMAKER_BIND_TO_PORT": str(PORT)}
    started = time.monotonic()
    server = subprocess.Popen(["serve"], env=environment, stdout=sys.stderr)
    try:
        while (state := ask("/ping"))[0] != 200:
            assert server.poll() is None, f"serve ended with exit code {server.returncode}"
            assert time.monotonic() - started < 120, f"never ready: {state}"
            time.sleep(0.1)
        ready_s = time.monotonic() - started
        status, text = ask("/invocations", {"inputs": ["images are built well", "badly"]})
        assert status == 200, text
        answers = json.loads(text)
        assert [set(answer) for answer in answers] == [{"label", "score"}] * 2, answers
        assert ask("/invocations", {"inputs": 7})[0] == 400
        server.send_signal(signal.SIGTERM)
        assert server.wait(30) == 0
    finally:
        server.kill()
print(f"ready after {ready_s:.1f} s, {answers[0]}")
