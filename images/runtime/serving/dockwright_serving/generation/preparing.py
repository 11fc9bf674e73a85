"""An order in; its prompts as tokens and how each is to be generated from, checked, out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dockwright_serving.errors import BadRequestError, ServingError
from dockwright_serving.generation import sequences
from dockwright_serving.generation.order import Shape
from dockwright_serving.generation.sequences import Sequence
from dockwright_serving.generation.text_stream import TextStream

if TYPE_CHECKING:
    import torch
    from transformers import (
        GenerationConfig,
        LogitsProcessorList,
        PreTrainedModel,
        PreTrainedTokenizerBase,
    )

    from dockwright_serving.generation.order import Message, Order, Prompt

MAX_CHARACTERS_PER_TOKEN = 128
"""A text longer than the context times this is refused unread: reading it would take minutes."""
_SAMPLING = {"do_sample": True, "temperature": 0.7}
"""What the text-generation pipeline does where neither the caller nor the model says otherwise."""


class Preparer:
    """Turns orders into sequences for one model."""

    def __init__(
        self, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, *, is_joined: bool
    ) -> None:
        self._model = model
        self._tokenizer = tokenizer
        self._is_joined = is_joined
        self._context = context_length(model)
        self._vocabulary = model.get_input_embeddings().weight.shape[0]
        self._ends = model.generation_config.eos_token_id

    def groups(self, order: Order, *, stream: bool) -> list[list[Sequence]]:
        """Return for each prompt the sequences to generate, as many as copies were asked for.

        Raises:
            BadRequestError: says what is wrong with a prompt or a parameter.
        """
        count = 0
        groups = []
        for prompt in order.prompts:
            ids = self._tokens(order, prompt)
            group = []
            for _ in range(order.copies):
                group.append(self._sequence(order, ids, count, stream=stream))
                count += 1
            groups.append(group)
        return groups

    def decode(self, tokens: list[int]) -> str:
        """Return the text of generated tokens, as the pipeline does."""
        return str(self._tokenizer.decode(tokens, skip_special_tokens=True))

    def _sequence(self, order: Order, ids: list[int], number: int, *, stream: bool) -> Sequence:
        is_chat = order.shape is Shape.CHAT_COMPLETION
        config = self._config(order)
        defaults = self._model.generation_config.to_diff_dict()
        limit = sequences.limit(order.options, defaults, len(ids), self._context, is_chat=is_chat)
        ends = [] if (end := config.eos_token_id) is None else end
        config.max_new_tokens, config.max_length = limit, None
        return Sequence(
            prompt_ids=ids,
            config=config,
            limit=limit,
            text=TextStream(self.decode, stops=order.stops, keep_stop=not is_chat),
            shows=stream or bool(order.stops),
            processors=self._processors(config, ids, limit) if self._is_joined else None,
            random=self._random(order.seed, number),
            ends=frozenset(ends if isinstance(ends, list | tuple) else [ends]),
        )

    def _config(self, order: Order) -> GenerationConfig:
        """Return the complete configuration of a generation: the caller's, the model's, defaults."""
        own = self._model.generation_config.to_diff_dict()
        options = {**_defaults({**own, **order.options}), **order.options}
        if "pad_token_id" not in own and self._tokenizer.pad_token_id is not None:
            options["pad_token_id"] = self._tokenizer.pad_token_id
        config, unknown = self._model._prepare_generation_config(None, **options)
        if unknown:
            msg = f"parameters: this model's generation knows no {', '.join(unknown)}"
            raise BadRequestError(msg)
        try:
            config.validate()
        except ValueError as error:
            raise BadRequestError(str(error)) from None
        if order.copies > 1 and config.num_beams == 1 and not config.do_sample:
            msg = "num_return_sequences: without do_sample or num_beams all texts would be the same"
            raise BadRequestError(msg)
        if 1 < config.num_beams < order.copies:
            msg = f"num_return_sequences={order.copies}: more than num_beams={config.num_beams}"
            raise BadRequestError(msg)
        return config

    def _processors(
        self, config: GenerationConfig, ids: list[int], limit: int
    ) -> LogitsProcessorList:
        """Return what `generate` would do to this text's scores."""
        import copy

        import torch

        device = self._model.device
        config = copy.deepcopy(config)
        config.max_length = len(ids) + limit
        try:
            self._model._prepare_special_tokens(config, True, device=device, batch_size=1)
            return self._model._get_logits_processor(
                generation_config=config,
                input_ids_seq_length=len(ids),
                encoder_input_ids=torch.tensor([ids], device=device),
                device=device,
                model_kwargs={},
            )
        except ValueError as error:
            raise BadRequestError(str(error)) from None

    def _random(self, seed: int | None, number: int) -> torch.Generator:
        import torch

        random = torch.Generator(device=self._model.device)
        if seed is None:
            random.seed()
        else:
            random.manual_seed(seed + number)
        return random

    def _tokens(self, order: Order, prompt: Prompt) -> list[int]:
        """Return a prompt's tokens, at least one."""
        self._refuse_huge(prompt)
        if isinstance(prompt, str):
            ids = self._tokenizer(prompt, add_special_tokens=order.add_special_tokens)["input_ids"]
        else:
            ids = self._conversation(prompt, continues=order.continues)
        if order.truncate is not None:
            ids = ids[-order.truncate :]
        begin = self._model.generation_config.bos_token_id
        if not ids and begin is not None:
            ids = [begin]
        if not ids:
            msg = "inputs: the prompt is empty, and this model has no token to begin with"
            raise BadRequestError(msg)
        if max(ids) >= self._vocabulary:
            msg = f"the tokenizer's token {max(ids)} is outside the model's {self._vocabulary}"
            raise ServingError(msg)
        return list(ids)

    def _refuse_huge(self, prompt: Prompt) -> None:
        texts = [prompt] if isinstance(prompt, str) else [str(m["content"]) for m in prompt]
        length = sum(map(len, texts))
        if self._context and length > self._context * MAX_CHARACTERS_PER_TOKEN:
            msg = (
                f"the prompt has {length} characters, more than fit in the model's context of "
                f"{self._context} tokens: shorten the prompt"
            )
            raise BadRequestError(msg)

    def _conversation(self, prompt: tuple[Message, ...], *, continues: bool) -> list[int]:
        from jinja2 import TemplateError

        if self._tokenizer.chat_template is None:
            msg = "messages: this model has no chat template; send a text as inputs"
            raise BadRequestError(msg)
        try:
            encoded = self._tokenizer.apply_chat_template(
                [dict(message) for message in prompt],
                add_generation_prompt=not continues,
                continue_final_message=continues,
                return_dict=True,
            )
        except (TemplateError, ValueError, TypeError, KeyError) as error:
            msg = f"messages: the model's chat template refuses them: {error}"
            raise BadRequestError(msg) from error
        return list(encoded["input_ids"])


def _defaults(given: dict[str, Any]) -> dict[str, object]:
    """Return the pipeline's defaults that apply, its temperature only when sampling."""
    added: dict[str, object] = {
        name: value for name, value in _SAMPLING.items() if name not in given
    }
    if not {**given, **added}["do_sample"]:
        added.pop("temperature", None)
    return added


def context_length(model: PreTrainedModel) -> int | None:
    """Return how many tokens the model can attend to, where it says so."""
    config = model.config.get_text_config(decoder=True)
    length = getattr(config, "max_position_embeddings", None)
    return length if isinstance(length, int) and length > 0 else None
