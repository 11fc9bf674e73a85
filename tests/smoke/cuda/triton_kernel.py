"""A GPU's compute capability in; a kernel's machine code for it, which needs no GPU, out."""

import triton
import triton.language as tl
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource

WARP_SIZE = 32


@triton.jit
def waves(x, y, count, block: tl.constexpr):
    """Of libdevice, so that linking it is tried as well."""
    i = tl.program_id(0) * block + tl.arange(0, block)
    inside = i < count
    tl.store(y + i, tl.extra.cuda.libdevice.sinh(tl.load(x + i, mask=inside)), mask=inside)


def compiled(capability):
    """Return the ELF file that Triton, libdevice and ptxas make of it; 80 is compute 8.0."""
    types = {"x": "*fp32", "y": "*fp32", "count": "i32", "block": "constexpr"}
    source = ASTSource(waves, types, {"block": 64})
    return triton.compile(source, target=GPUTarget("cuda", capability, WARP_SIZE)).asm["cubin"]
