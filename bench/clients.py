"""How a program opens a model file and asks it, in each runtime: what its user would write, on one thread if not said.

Each imports its library when it is called and nothing else, so that a process of its own shows what the library costs.
"""

from __future__ import annotations

import tempfile
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from edgedigits.artifact import OnnxArtifact
from edgedigits.errors import MissingExtraError

__all__ = [
    "Client",
    "Run",
    "by_default",
    "compiled",
    "eager",
    "ncnn",
    "one_thread_of_torch",
    "onnxruntime",
    "openvino",
    "pt2",
    "torchscript",
    "tract",
]

Run: TypeAlias = Callable[[NDArray[np.uint8]], NDArray[np.float32]]
"""Probabilities `float32 [n, 10]` of frames `uint8 [n, 28, 28]`."""
Client: TypeAlias = Callable[[Path], Run]


def onnxruntime(path: Path) -> Run:
    """The runner of edgedigits: its session on one thread that never spins."""
    return OnnxArtifact.open(path).run


def by_default(path: Path) -> Run:
    """As people use onnxruntime: a session of default options, on all cores."""
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path))
    return lambda frames: session.run(None, {"frames": frames})[0]


def tract(path: Path) -> Run:
    """tract, ONNX in Rust."""
    import tract

    runnable = tract.onnx().load(str(path)).into_model().into_runnable()
    return lambda frames: runnable.run([frames])[0].to_numpy()


def torchscript(path: Path) -> Run:
    """TorchScript in torch's interpreter."""
    torch = one_thread_of_torch()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        module = torch.jit.load(str(path), map_location="cpu")
    return _asked(torch, module)


def pt2(path: Path) -> Run:
    """A program of `torch.export`, as torch runs it."""
    torch = one_thread_of_torch()
    return _asked(torch, torch.export.load(str(path)).module())


def eager(path: Path) -> Run:
    """A checkpoint's network in torch, as it trained."""
    from edgedigits.export.exporting import deployable
    from edgedigits.training.checkpoint import Checkpoint

    one_thread_of_torch()
    return deployable(Checkpoint.load(path)).run


def compiled(path: Path) -> Run:
    """A checkpoint's network, compiled by torch for one digit and for many, which takes a C++ compiler and its time.

    Raises `MissingExtraError` where that fails.
    """
    from edgedigits.export.exporting import deployable
    from edgedigits.training.checkpoint import Checkpoint

    torch = one_thread_of_torch()
    import torch._inductor.config as inductor

    # Its pool of compiling processes would stay and be measured against.
    inductor.compile_threads = 1
    run = _asked(torch, torch.compile(deployable(Checkpoint.load(path)), dynamic=True))
    try:
        for n in (1, 2):
            run(np.zeros((n, 28, 28), np.uint8))
    # Whatever its parts, or the compiler that they call, come upon.
    except Exception as error:
        reason = str(error).strip().splitlines()[0]
        raise MissingExtraError(f"torch.compile failed ({reason}): it needs a C++ compiler, apt install g++") from error
    return run


def openvino(path: Path) -> Run:
    """OpenVINO on one thread, in float32."""
    import openvino

    config = {"INFERENCE_NUM_THREADS": 1, "NUM_STREAMS": 1, "INFERENCE_PRECISION_HINT": "f32"}
    with tempfile.TemporaryDirectory() as folder:
        zipfile.ZipFile(path).extractall(folder)
        request = openvino.Core().compile_model(str(Path(folder, "model.xml")), "CPU", config).create_infer_request()
    return lambda frames: request.infer({"frames": frames})[0].copy()


def ncnn(path: Path) -> Run:
    """A net of ncnn on one thread, in float32, a digit at a time."""
    import ncnn

    net = ncnn.Net()
    net.opt.num_threads = 1
    net.opt.use_fp16_packed = net.opt.use_fp16_storage = net.opt.use_fp16_arithmetic = False
    net.opt.use_bf16_storage = False
    with tempfile.TemporaryDirectory() as folder:
        zipfile.ZipFile(path).extractall(folder)
        net.load_param(str(Path(folder, "model.param")))
        net.load_model(str(Path(folder, "model.bin")))

    def run(frames: NDArray[np.uint8]) -> NDArray[np.float32]:
        probabilities = np.empty((len(frames), 10), np.float32)
        for row, frame in zip(probabilities, frames, strict=True):
            extractor = net.create_extractor()
            # Named, for a matrix made of an array keeps a pointer to it, but not the array.
            pixels = frame[np.newaxis].astype(np.float32)
            extractor.input("in0", ncnn.Mat(pixels))
            row[:] = np.array(extractor.extract("out0")[1])
        return probabilities

    return run


def one_thread_of_torch() -> Any:
    """The module, held to one thread in this process. Raises `ModuleNotFoundError`."""
    import torch

    torch.set_num_threads(1)
    return torch


def _asked(torch: Any, module: Any) -> Run:
    def run(frames: NDArray[np.uint8]) -> NDArray[np.float32]:
        with torch.inference_mode():
            probabilities: NDArray[np.float32] = module(torch.from_numpy(frames)).numpy()
        return probabilities

    return run
