"""PyTorch's part of the workloads: a model in, a call that runs it once and waits for it, out."""

import torch
import transformers
from kit.models import MODELS

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
NEW_TOKENS = 8


def has_gpu():
    return DEVICE == "cuda"


def gpu_count():
    return torch.cuda.device_count()


def peak_gpu_bytes():
    return torch.cuda.max_memory_allocated() if has_gpu() else None


def inference(name, *, batch, precision):
    """Return a call of the model's forward pass; of GPT-2, one that generates."""
    model = _model(name).eval()
    if precision == "bf16":
        model = model.to(torch.bfloat16)
    inputs = _tensors(MODELS[name].inputs(batch), next(model.parameters()).dtype)
    if name == "gpt2":
        length = {"max_new_tokens": NEW_TOKENS, "min_new_tokens": NEW_TOKENS}

        def generate():
            with torch.inference_mode():
                model.generate(**inputs, **length, do_sample=False, pad_token_id=0)
            _wait()

        return generate

    def forward():
        with torch.inference_mode():
            model(**inputs)
        _wait()

    return forward


def training(name, *, batch, precision, compiled=False, wrap=lambda model: model):
    """Return a call of one training step: forward, backward, optimizer."""
    model = wrap(_model(name).train())
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-5)
    inputs = _tensors(MODELS[name].inputs(batch), torch.float32)
    inputs["labels"] = torch.from_numpy(MODELS[name].labels(batch)).to(DEVICE)
    forward = torch.compile(model) if compiled else model

    def step():
        with torch.autocast(DEVICE, torch.bfloat16, enabled=precision == "bf16"):
            loss = forward(**inputs).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        _wait()

    return step


def save_classifier(name, folder):
    """Write the model as users keep theirs."""
    _model(name).save_pretrained(folder)


def _model(name):
    torch.manual_seed(0)
    kind = MODELS[name]
    config = transformers.AutoConfig.for_model(kind.type, **kind.config)
    auto = getattr(transformers, f"AutoModelFor{kind.auto}")
    return auto.from_config(config).to(DEVICE)


def _tensors(arrays, dtype):
    tensors = {key: torch.from_numpy(array).to(DEVICE) for key, array in arrays.items()}
    return {k: t.to(dtype) if t.is_floating_point() else t for k, t in tensors.items()}


def _wait():
    if has_gpu():
        torch.cuda.synchronize()
