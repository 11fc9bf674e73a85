"""PyTorch learns: forward and backward passes make a small regression's loss fall."""

import torch

torch.manual_seed(0)
x = torch.randn(256, 8)
y = x @ torch.randn(8, 1) + 0.5
model = torch.nn.Sequential(torch.nn.Linear(8, 16), torch.nn.ReLU(), torch.nn.Linear(16, 1))
optimizer = torch.optim.AdamW(model.parameters(), lr=0.02)

losses = []
for _ in range(60):
    loss = torch.nn.functional.mse_loss(model(x), y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    losses.append(loss.item())

assert losses[-1] < losses[0] / 5, f"the loss went from {losses[0]:.3f} to {losses[-1]:.3f}"
assert torch.get_num_threads() > 0, "no threads"
print(f"loss {losses[0]:.3f} -> {losses[-1]:.3f}, {torch.get_num_threads()} threads")
