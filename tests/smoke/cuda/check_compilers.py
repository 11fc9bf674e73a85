"""What makes kernels at run time finds its parts: Triton, or XLA's ptxas and libdevice."""

import importlib
import json
import os
import subprocess
import tempfile
from pathlib import Path

FACTS = json.loads(Path(os.environ["DOCKWRIGHT_FACTS"]).read_text())
PTX = ".version 7.8\n.target {0}\n.address_size 64\n.visible .entry nothing() {{ ret; }}\n"
LLVM_BITCODE = b"BC\xc0\xde"


def with_triton(torch):
    """Compile a kernel, from Python to machine code, for each GPU that PyTorch is built for."""
    import triton_kernel

    for name in torch.cuda.get_arch_list():
        code = triton_kernel.compiled(int(name.removeprefix("sm_")))
        assert code.startswith(b"\x7fELF"), f"no machine code for {name}"
    if (
        FACTS["job"] == "training"
    ):  # torch.compile is for those; serving starts no kernel of Triton's
        triton_kernel.build_launcher()
    return f"Triton for {', '.join(torch.cuda.get_arch_list())}"


def with_xla(tensorflow):
    """Assemble an empty kernel for each GPU that TensorFlow is built for, as XLA would."""
    # Where TensorFlow looks by itself: beside its package.
    root = Path(tensorflow.__file__).parents[1] / "nvidia" / "cuda_nvcc"
    device = root / "nvvm" / "libdevice" / "libdevice.10.bc"
    assert device.read_bytes()[:4] == LLVM_BITCODE, f"{device} is no bitcode"
    built = tensorflow.sysconfig.get_build_info()["cuda_compute_capabilities"]
    names = [name for name in built if name.startswith("sm_")]
    for name in names:
        with tempfile.TemporaryDirectory() as folder:
            source, code = Path(folder, "nothing.ptx"), Path(folder, "nothing.cubin")
            source.write_text(PTX.format(name))
            argv = [root / "bin" / "ptxas", f"--gpu-name={name}", source, "-o", code]
            done = subprocess.run(argv, capture_output=True, text=True, check=False)
            assert done.returncode == 0, f"ptxas fails for {name}: {done.stderr}"
            assert code.read_bytes().startswith(b"\x7fELF"), f"no machine code for {name}"
    return f"ptxas and libdevice for {', '.join(names)}"


make = {"torch": with_triton, "tensorflow": with_xla}[FACTS["module"]]
print(make(importlib.import_module(FACTS["module"])))
