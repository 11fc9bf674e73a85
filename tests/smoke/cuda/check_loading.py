"""The framework reaches NCCL, cuBLAS and what it loads late; NVRTC compiles a kernel by itself."""

import ctypes
import importlib
import json
import os
from pathlib import Path

import toolkit

FACTS = json.loads(Path(os.environ["DOCKWRIGHT_FACTS"]).read_text())
MAJOR, MINOR = toolkit.version(FACTS["accelerator"])
KERNEL = b'extern "C" __global__ void wave(float *x) { x[threadIdx.x] = sinf(x[threadIdx.x]); }'


def loaded_by_torch(torch):
    """Return a library that PyTorch has loaded when it was imported, by its SONAME."""
    late = Path(torch.__file__).parent / "lib" / "libtorch_cuda_linalg.so"
    if late.is_file():  # loaded by the first function of torch.linalg, from CUDA 11.5 on
        ctypes.CDLL(str(late))
    return lambda soname: ctypes.CDLL(soname, mode=os.RTLD_NOLOAD | os.RTLD_NOW)


def loaded_by_tensorflow(tensorflow):
    """Return TensorFlow's stand-ins, each of which loads its library when it is called."""
    stubs = ctypes.CDLL(str(Path(tensorflow.__file__).with_name("libtensorflow_cc.so.2")))
    return lambda _: stubs


def version_told(library, function):
    said = ctypes.c_int()
    status = getattr(library, function)(ctypes.byref(said))
    assert status == 0, f"{function}: status {status}"
    return said.value


def cubin_bytes(nvrtc):
    """Compile a kernel, which needs NVRTC's builtins beside it, and return the code's size."""
    program, size = ctypes.c_void_p(), ctypes.c_size_t()
    name, options = b"wave.cu", (ctypes.c_char_p * 1)(b"--gpu-architecture=sm_80")
    assert nvrtc.nvrtcCreateProgram(ctypes.byref(program), KERNEL, name, 0, None, None) == 0
    status = nvrtc.nvrtcCompileProgram(program, 1, options)
    assert status == 0, f"nvrtcCompileProgram: status {status}"
    assert nvrtc.nvrtcGetCUBINSize(program, ctypes.byref(size)) == 0
    return size.value


framework = importlib.import_module(FACTS["module"])
load = {"torch": loaded_by_torch, "tensorflow": loaded_by_tensorflow}[FACTS["module"]](framework)
runtime = version_told(load(f"libcudart.so.{MAJOR}"), "cudaRuntimeGetVersion")
assert runtime == MAJOR * 1000 + MINOR * 10, f"the runtime is {runtime}"
nccl = version_told(load("libnccl.so.2"), "ncclGetVersion")
blas = load(f"libcublasLt.so.{MAJOR}").cublasLtGetVersion
blas.restype = ctypes.c_size_t
assert blas() // 10000 == MAJOR, f"cuBLASLt is {blas()}"

# cuDNN and PyTorch ask for it by this name; cuDNN's RUNPATH has it where PyTorch does not load it.
(path,) = Path(FACTS["venv"]).glob(f"lib/python*/site-packages/nvidia/*/lib/libnvrtc.so.{MAJOR}")
size = cubin_bytes(ctypes.CDLL(str(path)))
assert size > 0, "an empty kernel"
print(f"NCCL {nccl}, cuBLASLt {blas()}, a kernel of {size} bytes")
