"""Text generation: many requests at once, each answered as if it were alone."""

from __future__ import annotations

import queue
import random
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch
import transformers

from dockwright_serving.errors import BadRequestError, ModelError, ServingError
from dockwright_serving.generation.generator import (
    Failed,
    Finished,
    GenerationRequest,
    Generator,
    Token,
)
from runtime.serving import tiny_causal

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from dockwright_serving.generation.events import Event

PROMPTS = ["the", "the quick brown fox jumps", "dog, and", "a lazy dog looks up and says", "€ 😀"]
GREEDY = {"do_sample": False, "return_full_text": False}


class Desk:
    """Hands requests to a started generator and collects their events."""

    def __init__(self, generator: Generator) -> None:
        self.generator = generator
        self.events: queue.Queue[tuple[int, Event]] = queue.Queue()
        self.texts: dict[int, str] = {}
        self.ends: dict[int, Event] = {}

    def submit(
        self, number: int, inputs: object, *, stream: bool = False, **options: object
    ) -> None:
        self.generator.submit(
            GenerationRequest(id=number, inputs=inputs, parameters=options, stream=stream)
        )

    def wait_for_event(self) -> tuple[int, Event]:
        number, event = self.events.get(timeout=60)
        if isinstance(event, Token):
            self.texts[number] = self.texts.get(number, "") + event.text
        else:
            assert number not in self.ends, "a request ends once"
            self.ends[number] = event
        return number, event

    def wait_for_ends(self, count: int) -> None:
        while len(self.ends) < count:
            self.wait_for_event()

    def text(self, number: int) -> str:
        end = self.ends[number]
        assert isinstance(end, Finished), end
        assert isinstance(end.answer, list)
        return str(end.answer[0]["generated_text"])


@contextmanager
def started(path: Path) -> Iterator[Desk]:
    desk = Desk(load(path))
    desk.generator.start(lambda number, event: desk.events.put((number, event)))
    try:
        yield desk
    finally:
        desk.generator.stop()


def load(path: Path) -> Generator:
    return Generator.load(path, device="cpu", trust_remote_code=False)


def plain(path: Path, prompt: str, *, seed: int | None = None, **options: object) -> str:
    """Return what Transformers generates for one prompt alone."""
    model = transformers.AutoModelForCausalLM.from_pretrained(path, dtype=torch.float32)
    tokenizer = transformers.AutoTokenizer.from_pretrained(path)
    inputs = tokenizer(prompt, return_tensors="pt", return_token_type_ids=False)
    if seed is not None:
        torch.manual_seed(seed)
    made = model.generate(**inputs, pad_token_id=1, **options)
    return str(tokenizer.decode(made[0, inputs["input_ids"].shape[1] :], skip_special_tokens=True))


def refused(generator: Generator, inputs: object, **options: object) -> str:
    try:
        generator.call(inputs, **options)
    except BadRequestError as error:
        return str(error)
    msg = f"{options}: not refused"
    raise AssertionError(msg)


def test_joined_greedy_texts_equal_those_generated_alone_on_every_architecture() -> None:
    for kind in tiny_causal.KINDS:
        with tiny_causal.model(kind) as path, started(path) as desk:
            order = random.Random(kind)  # noqa: S311 - which joins when, the same every time
            lengths = [order.randint(4, 40) for _ in PROMPTS]
            for number, (prompt, length) in enumerate(zip(PROMPTS, lengths, strict=True)):
                desk.submit(number, prompt, max_new_tokens=length, **GREEDY)
                time.sleep(order.random() * 0.02)
            desk.wait_for_ends(len(PROMPTS))
            for number, (prompt, length) in enumerate(zip(PROMPTS, lengths, strict=True)):
                alone = plain(path, prompt, max_new_tokens=length, do_sample=False)
                assert desk.text(number) == alone, (kind, prompt)


def test_streamed_pieces_are_the_text_and_hold_no_half_characters_that_it_has_not() -> None:
    with tiny_causal.model("llama") as path, started(path) as desk:
        for number, prompt in enumerate(PROMPTS):
            desk.submit(number, prompt, stream=True, max_new_tokens=60, **GREEDY)
            desk.submit(100 + number, prompt, max_new_tokens=60, **GREEDY)
        desk.wait_for_ends(2 * len(PROMPTS))
        for number in range(len(PROMPTS)):
            assert desk.texts[number] == desk.text(number) == desk.text(100 + number)


def test_a_stream_begins_before_the_text_is_complete() -> None:
    with tiny_causal.model("llama") as path, started(path) as desk:
        desk.submit(1, "the", stream=True, max_new_tokens=200, eos_token_id=319, **GREEDY)
        pieces = 0
        while not desk.ends:
            pieces += isinstance(desk.wait_for_event()[1], Token)
        assert pieces > 20


def test_a_seed_gives_what_transformers_gives_with_it_whoever_else_is_served() -> None:
    options: dict[str, Any] = {"max_new_tokens": 20, "do_sample": True, "top_k": 20}
    more = {
        **options,
        "temperature": 0.8,
        "top_p": 0.9,
        "repetition_penalty": 1.3,
        "no_repeat_ngram_size": 3,
    }
    with tiny_causal.model("llama") as path, started(path) as desk:
        desk.submit(0, "dog", max_new_tokens=40, **GREEDY)
        for number in (1, 2):
            desk.submit(number, "the fox", seed=5, return_full_text=False, **more)
        desk.submit(3, "the fox", seed=6, return_full_text=False, **more)
        desk.wait_for_ends(4)
        assert desk.text(1) == desk.text(2) == plain(path, "the fox", seed=5, **more)
        assert desk.text(3) == plain(path, "the fox", seed=6, **more)
        assert desk.text(1) != desk.text(3)


def test_without_a_seed_texts_differ() -> None:
    with tiny_causal.model("llama") as path:
        generator = load(path)
        options = {"max_new_tokens": 20, "do_sample": True, "temperature": 5.0, "top_k": 0}
        assert generator.call("the", **options) != generator.call("the", **options)


def test_beams_equal_those_of_transformers() -> None:
    options = {"max_new_tokens": 12, "num_beams": 3, "do_sample": False}
    with tiny_causal.model("llama") as path:
        made = load(path).call("the fox", return_full_text=False, num_return_sequences=2, **options)
        assert isinstance(made, list)
        assert len(made) == 2
        assert made[0]["generated_text"] == plain(path, "the fox", **options)


def test_answers_equal_the_pipelines() -> None:
    chat = [{"role": "user", "content": "good day"}]
    options = {"max_new_tokens": 8, "do_sample": False}
    with tiny_causal.model("gpt2") as path:
        pipeline = transformers.pipeline("text-generation", str(path), dtype=torch.float32)
        generator = load(path)
        for inputs in ("the fox", ["the fox", "a dog"], chat, [chat, chat]):
            for full in (True, False):
                kind = {"return_full_text": full, **options}
                assert generator.call(inputs, **kind) == pipeline(inputs, **kind), inputs


def test_a_chat_completion_is_cut_before_its_stop_string() -> None:
    body = {"messages": [{"role": "user", "content": "good day"}], "max_tokens": 40}
    with tiny_causal.model("llama") as path:
        generator = load(path)
        whole = generator.call({**body, "temperature": 0})
        assert isinstance(whole, dict)
        text = whole["choices"][0]["message"]["content"]
        stop = text[5:7]
        cut = generator.call({**body, "temperature": 0, "stop": stop})
        assert isinstance(cut, dict)
        choice = cut["choices"][0]
        assert choice["message"]["content"] == text[: text.index(stop)]
        assert choice["finish_reason"] == "stop"
        assert cut["usage"]["completion_tokens"] < whole["usage"]["completion_tokens"]


def test_a_model_without_a_chat_template_says_so() -> None:
    with tiny_causal.model("llama", template=None) as path:
        assert "no chat template" in refused(load(path), [{"role": "user", "content": "Hi"}])


def test_a_template_that_refuses_a_conversation_is_the_callers_error() -> None:
    template = "{{ raise_exception('only users here') }}"
    with tiny_causal.model("llama", template=template) as path:
        assert "only users here" in refused(load(path), [{"role": "user", "content": "Hi"}])


def test_more_tokens_than_the_context_are_refused_with_the_numbers() -> None:
    with tiny_causal.model("llama") as path:
        generator = load(path)
        refusal = refused(generator, "dog " * 50, max_new_tokens=250)
        assert "250" in refusal
        assert str(tiny_causal.CONTEXT) in refusal
        assert str(tiny_causal.CONTEXT) in refused(generator, "dog " * 500)
        assert "characters" in refused(generator, "x" * 1_000_000)


def test_parameters_that_can_not_be_meant_are_refused_at_once() -> None:
    with tiny_causal.model("llama") as path:
        generator = load(path)
        assert "temperature" in refused(generator, "a", do_sample=True, temperature=-1.0)
        assert "top_p" in refused(generator, "a", do_sample=True, top_p=3.0)
        assert "num_return_sequences" in refused(
            generator, "a", do_sample=False, num_return_sequences=2
        )
        assert "bad_words_ids" in refused(generator, "a", bad_words_ids=[])


def test_a_prompt_the_model_answers_with_nan_fails_alone() -> None:
    for bad in ({"do_sample": False}, {"do_sample": True}):
        with tiny_causal.model("llama") as path, started(path) as desk:
            model = desk.generator._model
            with torch.no_grad():
                model.get_input_embeddings().weight[3] = float("nan")
            poison = desk.generator._preparer._tokenizer.decode([3])
            desk.submit(1, "the fox", max_new_tokens=60, suppress_tokens=[3], **GREEDY)
            desk.submit(2, poison, max_new_tokens=60, **bad)
            desk.submit(3, "lazy dog", max_new_tokens=60, suppress_tokens=[3], **GREEDY)
            desk.wait_for_ends(3)
            failure = desk.ends[2]
            assert isinstance(failure, Failed)
            assert isinstance(failure.error, ServingError)
            assert "not finite" in str(failure.error)
            alone = plain(path, "lazy dog", max_new_tokens=60, do_sample=False, suppress_tokens=[3])
            assert desk.text(3) == alone


def test_a_cancelled_request_is_heard_of_no_more_and_the_others_go_on() -> None:
    for kind in ("llama", "mamba"):
        with tiny_causal.model(kind) as path, started(path) as desk:
            endless = {"max_new_tokens": 200, "eos_token_id": 319, **GREEDY}
            desk.submit(1, "the", stream=True, **endless)
            while desk.wait_for_event()[0] != 1:
                pass
            desk.submit(2, "the fox", max_new_tokens=10, **GREEDY)
            desk.generator.cancel(1)
            desk.wait_for_ends(1)
            assert list(desk.ends) == [2]
            assert desk.text(2) == plain(path, "the fox", max_new_tokens=10, do_sample=False)


def test_a_listener_that_fails_ends_its_own_request_only() -> None:
    with tiny_causal.model("llama") as path, started(path) as desk:

        def listen(number: int, event: Event) -> None:
            if number == 1:
                raise OSError
            desk.events.put((number, event))

        desk.generator._emit = listen
        desk.submit(1, "the", stream=True, max_new_tokens=30, **GREEDY)
        desk.submit(2, "the fox", max_new_tokens=10, **GREEDY)
        desk.wait_for_ends(1)
        assert desk.text(2) == plain(path, "the fox", max_new_tokens=10, do_sample=False)


def test_more_requests_than_places_are_all_answered() -> None:
    with tiny_causal.model("llama") as path, started(path) as desk:
        count = desk.generator.concurrency + 9
        for number in range(count):
            desk.submit(number, f"dog {number}", max_new_tokens=6, **GREEDY)
        desk.wait_for_ends(count)
        assert desk.text(40) == plain(path, "dog 40", max_new_tokens=6, do_sample=False)


def test_user_code_may_call_from_several_threads_at_once() -> None:
    with tiny_causal.model("llama") as path, started(path) as desk:
        answers: dict[int, object] = {}

        def ask(number: int) -> None:
            answers[number] = desk.generator.call(f"dog {number}", max_new_tokens=6, **GREEDY)

        threads = [threading.Thread(target=ask, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(timeout=60)
        for number in range(4):
            text = plain(path, f"dog {number}", max_new_tokens=6, do_sample=False)
            assert answers[number] == [{"generated_text": text}]


def test_a_directory_without_a_model_is_a_model_error() -> None:
    with tiny_causal.model("llama") as path:
        (path / "model.safetensors").write_bytes(b"no weights")
        error: ModelError | None = None
        try:
            load(path)
        except ModelError as raised:
            error = raised
        assert str(path) in str(error)
