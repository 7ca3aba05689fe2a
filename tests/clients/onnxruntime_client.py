"""onnxruntime, of any version."""

import onnxruntime
from compare import main


def load(path, given):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    return lambda frames: session.run(["probabilities"], {given: frames})[0]


if __name__ == "__main__":
    main("onnxruntime", onnxruntime.__version__, load)
