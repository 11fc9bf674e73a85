"""Secrets reach the script and nobody else."""

from __future__ import annotations

import io
import logging

import pytest

from dockwright_training import logs
from dockwright_training.contract import redact


@pytest.mark.parametrize(
    "name",
    ["hub_token", "HF_TOKEN", "aws_secret_access_key", "WANDB_API_KEY", "dbPassword", "apiKey",
     "use-auth", "hftoken", "ssh_key", "my.credentials"],
)  # fmt: skip
def test_a_secret_is_known_by_its_name(name: str) -> None:
    assert redact.is_secret(name)


@pytest.mark.parametrize(
    "name",
    ["epochs", "max_new_tokens", "tokenizer_name", "TOKENIZERS_PARALLELISM", "keyboard",
     "per_device_batch", "author", "passes", "monkey_patch", "SM_CHANNEL_TRAIN"],
)  # fmt: skip
def test_a_usual_name_is_none(name: str) -> None:
    assert not redact.is_secret(name)


def test_of_secret_names_only_truth_values_and_nothing_are_shown() -> None:
    given = {"password": 12345678, "token": "x", "use_auth_token": True, "api_key": "", "lr": 0.1}
    assert redact.shown(given) == given | {"password": "***", "token": "***"}


def test_values_are_kept_out_of_any_text_wherever_they_were_nested() -> None:
    secrets = redact.secrets({"a": {"hub_token": "hf_abcdefgh"}}, {"keys": [1]}, {"PASSWORD": "s3"})
    assert secrets.out_of("401 for hf_abcdefgh, s3://bucket") == "401 for ***, s3://bucket"


def test_the_longer_of_two_secrets_is_hidden_whole() -> None:
    secrets = redact.secrets({"token": "abcdefgh", "other_token": "abcdefgh-and-more"})
    assert secrets.out_of("abcdefgh-and-more") == "***"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("index https://me:pw@host/simple", "index https://***@host/simple"),
        ("git+https://ghp_x@host/r.git", "git+https://***@host/r.git"),
        ("https://b.s3/x?X-Amz-Signature=ab&y=1", "https://b.s3/x?X-Amz-Signature=***&y=1"),
        ("mail me@host.org", "mail me@host.org"),
    ],
)
def test_passwords_within_addresses_are_hidden(text: str, told: str) -> None:
    assert redact.Secrets().out_of(text) == told


def test_our_log_never_tells_one(monkeypatch: pytest.MonkeyPatch) -> None:
    written = io.StringIO()
    monkeypatch.setattr("sys.stderr", written)
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    try:
        logs.set_up(logging.INFO, redact.secrets({"token": "hf_abcdefgh"}))
        logging.getLogger("any").info("with hf_abcdefgh", extra={"output": "a\nhf_abcdefgh"})
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
    assert written.getvalue().endswith("Z train INFO with ***\na\n***\n")
