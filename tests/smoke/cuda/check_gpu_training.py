"""On a GPU, a small network learns in mixed precision: its loss falls."""

import json
import os
from pathlib import Path

NEEDS_GPU = True

FACTS = json.loads(Path(os.environ["DOCKWRIGHT_FACTS"]).read_text())


def pytorch():
    import torch

    torch.manual_seed(0)
    x = torch.randn(256, 8, device="cuda")
    y = x @ torch.randn(8, 1, device="cuda") + 0.5
    layers = (torch.nn.Linear(8, 16), torch.nn.ReLU(), torch.nn.Linear(16, 1))
    model = torch.nn.Sequential(*layers).cuda()
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.02, fused=True)
    scaler = torch.amp.GradScaler("cuda")
    for _ in range(60):
        with torch.autocast("cuda", torch.float16):
            loss = torch.nn.functional.mse_loss(model(x).float(), y)
        optimizer.zero_grad()
        scaler.scale(loss).backward()
        scaler.step(optimizer)
        scaler.update()
        yield loss.item()


def tensorflow():
    import tensorflow as tf

    tf.keras.utils.set_random_seed(0)
    tf.keras.mixed_precision.set_global_policy("mixed_float16")
    x = tf.random.normal((256, 8))
    y = x @ tf.random.normal((8, 1)) + 0.5
    first = tf.keras.layers.Dense(16, activation="relu")
    model = tf.keras.Sequential([first, tf.keras.layers.Dense(1, dtype="float32")])
    model.compile(optimizer=tf.keras.optimizers.Adam(0.02), loss="mse")
    yield from model.fit(x, y, epochs=10, batch_size=32, verbose=0).history["loss"]
    assert "GPU:0" in first.kernel.device, f"trained on {first.kernel.device}"


losses = list({"torch": pytorch, "tensorflow": tensorflow}[FACTS["module"]]())
assert losses[-1] < losses[0] / 5, f"the loss went from {losses[0]:.3f} to {losses[-1]:.3f}"
print(f"loss {losses[0]:.3f} -> {losses[-1]:.3f}")
