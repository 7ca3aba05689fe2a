"""tract, an implementation of ONNX in Rust."""

import tract
from compare import main


def load(path, _):
    runnable = tract.onnx().load(path).into_model().into_runnable()
    return lambda frames: runnable.run([frames])[0].to_numpy()


if __name__ == "__main__":
    main("tract", tract.version(), load)
