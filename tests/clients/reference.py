"""The reference evaluator of onnx: the operators as their specification has them, in numpy."""

import onnx
from compare import main
from onnx.reference import ReferenceEvaluator


def load(path, given):
    evaluator = ReferenceEvaluator(path)
    return lambda frames: evaluator.run(["probabilities"], {given: frames})[0]


if __name__ == "__main__":
    main("onnx.reference", onnx.__version__, load)
