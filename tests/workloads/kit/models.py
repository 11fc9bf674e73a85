"""The models that workloads run: real architectures with random weights, made where they run."""

from dataclasses import dataclass

import numpy as np

TINY_WHISPER = {
    "d_model": 384,
    "encoder_layers": 4,
    "decoder_layers": 4,
    "encoder_attention_heads": 6,
    "decoder_attention_heads": 6,
    "encoder_ffn_dim": 1536,
    "decoder_ffn_dim": 1536,
}


@dataclass(frozen=True)
class Model:
    """A model: its configuration, the class that it takes, and what goes in."""

    type: str
    auto: str
    """Ending of the `AutoModelFor…` class, in either framework."""
    config: dict
    tokens: int = 0
    """Of one text."""

    def inputs(self, batch):
        """Return arrays for a batch, the same every time."""
        rng = np.random.default_rng(0)
        match self.type:
            case "vit":
                return {"pixel_values": rng.random((batch, 3, 224, 224), dtype=np.float32)}
            case "whisper":
                return {
                    "input_features": rng.random((batch, 80, 3000), dtype=np.float32),
                    "decoder_input_ids": np.full((batch, 8), 50257, dtype=np.int64),
                }
            case _:
                ids = rng.integers(1000, 20000, (batch, self.tokens), dtype=np.int64)
                return {"input_ids": ids, "attention_mask": np.ones_like(ids)}

    def labels(self, batch):
        """Return what training aims at."""
        match self.type:
            case "gpt2":
                return self.inputs(batch)["input_ids"]
            case "whisper":
                return np.full((batch, 8), 400, dtype=np.int64)
            case _:
                return np.arange(batch, dtype=np.int64) % 2

    def items(self, batch):
        """Return how much a batch is, and of what."""
        if self.tokens:
            return batch * self.tokens, "tokens"
        return batch, "images" if self.type == "vit" else "recordings"


MODELS = {
    "bert-base": Model("bert", "SequenceClassification", {}, 128),
    "distilbert": Model("distilbert", "SequenceClassification", {}, 128),
    "gpt2": Model("gpt2", "CausalLM", {"n_layer": 6}, 64),
    "vit": Model("vit", "ImageClassification", {}),
    "whisper-tiny": Model("whisper", "SpeechSeq2Seq", TINY_WHISPER),
}
