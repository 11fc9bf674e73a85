"""A GPU's compute capability in; a kernel's machine code for it, which needs no GPU, out."""

import os
import shutil
import subprocess
import sysconfig
import tempfile
from pathlib import Path

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


def build_launcher():
    """Compile what Triton compiles once on each host before it starts a kernel, as it would do it.

    It is not linked with the driver's library, which is not there without a GPU.
    """
    compiler = os.environ.get("CC") or shutil.which("gcc") or shutil.which("clang")
    assert compiler, "Triton finds no C compiler: no gcc, no clang, and CC is not set"
    nvidia = Path(triton.__file__).parent / "backends" / "nvidia"
    headers = sysconfig.get_path("include", "posix_prefix")
    with tempfile.TemporaryDirectory() as folder:
        flags = ("-O3", "-shared", "-fPIC", f"-I{nvidia}/include", f"-I{headers}")
        argv = [compiler, nvidia / "driver.c", *flags, "-o", f"{folder}/launcher.so"]
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"Triton's launcher can't be built: {done.stderr[:2000]}"
