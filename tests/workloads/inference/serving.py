"""A model behind the image's own server: seconds until ready, latency alone, throughput of many."""

import http.client
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import contextmanager

from kit import framework, lines
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace
from transformers import PreTrainedTokenizerFast

MODELS = ("distilbert",)
PORT = 18080
CALLERS = 8
READY_S = 180
WORDS = ["[PAD]", "[UNK]", "images", "are", "built", "well", "badly"]
BODY = json.dumps({"inputs": "images are built well and badly " * 8})


def write_model(name, folder):
    """Write a model with its tokenizer, as users put theirs in /opt/ml/model."""
    backend = Tokenizer(WordLevel({word: i for i, word in enumerate(WORDS)}, unk_token="[UNK]"))
    backend.pre_tokenizer = Whitespace()
    PreTrainedTokenizerFast(
        tokenizer_object=backend,
        pad_token="[PAD]",
        unk_token="[UNK]",
        model_max_length=128,
        model_input_names=["input_ids", "attention_mask"],  # DistilBERT knows no others
    ).save_pretrained(folder)
    framework.load().save_classifier(name, folder)


def ask(connection, path="/invocations", body=BODY):
    """Return the status; an answer that is no answer ends the workload."""
    method = "POST" if body else "GET"
    connection.request(method, path, body, {"content-type": "application/json"})
    answer = connection.getresponse()
    answer.read()
    return answer.status


def connect():
    return http.client.HTTPConnection("127.0.0.1", PORT, timeout=120)


@contextmanager
def hung_up(connection):
    """Close a connection, for a server gives idle ones up; the next request opens it again."""
    connection.close()
    yield


def until_ready(server):
    """Return the seconds until the server says that it can answer."""
    begun = time.perf_counter()
    while time.perf_counter() - begun < READY_S:
        if server.poll() is not None:
            sys.exit(f"serve ended with exit code {server.returncode}")
        try:
            if ask(connect(), "/ping", None) == 200:
                return time.perf_counter() - begun
        except OSError:
            pass
        time.sleep(0.05)
    sys.exit(f"serve was not ready within {READY_S} s")


def required(status):
    if status != 200:
        sys.exit(f"serve answered {status}")


def share():
    """Return the seconds of a while, shared by the requests that many callers had answered in it."""
    counts, until = [0] * CALLERS, time.perf_counter() + lines.SECONDS / 4
    failures = []

    def call(number):
        connection = connect()
        while time.perf_counter() < until and not failures:
            status = ask(connection)
            if status != 200:
                failures.append(status)
            counts[number] += 1

    begun = time.perf_counter()
    threads = [threading.Thread(target=call, args=(number,)) for number in range(CALLERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures or not sum(counts):
        sys.exit(f"serve answered {failures or 'nothing'}")
    return (time.perf_counter() - begun) / sum(counts)


with lines.workload(), tempfile.TemporaryDirectory() as folder:
    write_model(sys.argv[1], folder)
    environment = os.environ | {"HF_MODEL_DIR": folder, "SAGEMAKER_BIND_TO_PORT": str(PORT)}
    server = subprocess.Popen(
        ["serve"], env=environment, stdin=subprocess.DEVNULL, stdout=sys.stderr
    )
    try:
        lines.samples("ready", [until_ready(server)])
        begun = time.perf_counter()
        connection = connect()
        required(ask(connection))
        lines.pauses.append(lambda: hung_up(connection))
        lines.samples("first answer", [time.perf_counter() - begun])
        taken = lines.timed(lambda: required(ask(connection)))
        lines.samples("latency callers=1", taken, items=1, item="requests")
        taken = lines.measured(share, warm_up=4)  # until every worker is warm
        lines.samples(f"share callers={CALLERS}", taken, items=1, item="requests")
    finally:
        server.send_signal(signal.SIGTERM)
        try:
            server.wait(30)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()
