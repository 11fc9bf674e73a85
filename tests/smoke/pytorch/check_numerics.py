"""PyTorch and NumPy share memory, and its linear algebra and Fourier transforms are built in."""

import numpy as np
import torch

array = np.arange(6, dtype=np.float32).reshape(2, 3)
tensor = torch.from_numpy(array)
tensor += 1
assert array[0, 0] == 1, "torch.from_numpy copied"
assert np.array_equal(tensor.numpy(), array)

matrix = torch.randn(64, 64, dtype=torch.float64)
matrix = matrix @ matrix.T + torch.eye(64, dtype=torch.float64)
solution = torch.linalg.solve(matrix, torch.ones(64, dtype=torch.float64))
assert torch.allclose(matrix @ solution, torch.ones(64, dtype=torch.float64)), "LAPACK is wrong"
signal = torch.randn(1024)
assert torch.allclose(torch.fft.ifft(torch.fft.fft(signal)).real, signal, atol=1e-5), "FFT is wrong"
assert torch.backends.mkldnn.is_available(), "oneDNN is missing: inference would crawl"
print(f"oneDNN, {torch.backends.cpu.get_cpu_capability()}")
