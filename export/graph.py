"""Writing an ONNX graph, operator by operator: nothing is in the file that was not meant to be."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

__all__ = ["FLOAT", "IR_VERSION", "Graph"]

SINCE: Mapping[str, int] = MappingProxyType(
    {
        "Abs": 6,
        "Add": 7,
        "And": 7,
        "ArgMax": 12,
        "Cast": 9,
        "Concat": 4,
        "Conv": 1,
        "CumSum": 11,
        "Div": 7,
        "Equal": 11,
        "Flatten": 1,
        "Floor": 6,
        "Gather": 11,
        "Gemm": 7,
        "GlobalMaxPool": 1,
        "Greater": 9,
        "Less": 9,
        "MatMul": 9,
        "MatMulInteger": 10,
        "Max": 8,
        "MaxPool": 8,
        "Min": 8,
        "Mul": 7,
        "Not": 1,
        "Pad": 11,
        "QLinearConv": 10,
        "Range": 11,
        "ReduceMax": 11,
        "ReduceSum": 11,
        "Relu": 6,
        "Reshape": 5,
        "Round": 11,
        "Shape": 1,
        "Slice": 10,
        "Softmax": 1,
        "Squeeze": 1,
        "Sub": 7,
        "Transpose": 1,
        "Unsqueeze": 1,
        "Where": 9,
        "Xor": 7,
    }
)
"""Operators and the version each is written for here: the highest of a graph's is the opset that it needs."""
NEWEST = 12
"""The last opset in which all still mean what they are written for: in the next, Unsqueeze and Squeeze take their axes
otherwise."""
IR_VERSION = 4
"""The first in which a weight need not be an input, too (2019)."""
FLOAT = TensorProto.FLOAT


class Graph:
    """A graph under construction. Values are known by the names that `constant` and `add` give them."""

    def __init__(self) -> None:
        self._nodes: list[onnx.NodeProto] = []
        self._constants: dict[tuple[str, tuple[int, ...], bytes], str] = {}
        self._initializers: list[onnx.TensorProto] = []
        self._opset = 1

    def constant(self, value: NDArray[Any] | np.generic) -> str:
        """A tensor that is part of the model; equal ones are stored once."""
        array = np.asarray(value)
        key = (array.dtype.str, array.shape, array.tobytes())
        if key not in self._constants:
            name = f"c{len(self._constants)}"
            self._constants[key] = name
            self._initializers.append(numpy_helper.from_array(array, name))
        return self._constants[key]

    def add(self, operator: str, *inputs: str, since: int = 0, **attributes: Any) -> str:
        """An operator's only result. `since` is its opset where it needs a later one than `SINCE` has."""
        self._opset = max(self._opset, SINCE[operator], since)
        result = f"v{len(self._nodes)}"
        self._nodes.append(helper.make_node(operator, inputs, [result], **attributes))
        return result

    @property
    def opset(self) -> int:
        """The lowest that all operators are in."""
        return self._opset

    def model(
        self, answer: str, source: Mapping[str, Any], result: Mapping[str, Any], metadata: Mapping[str, str]
    ) -> onnx.ModelProto:
        """The model, checked. Its output is the value `answer`, which is the last that was added.

        `source` and `result` have the `name`, `dtype` and `shape` of input and output, lengths left open as text.
        """
        if self._opset > NEWEST:
            raise ValueError(f"opset {self._opset} is newer than {NEWEST}, for which the operators are written")
        if list(self._nodes[-1].output) != [answer]:
            raise ValueError(f"{answer} is not what the last operator gives")
        self._nodes[-1].output[:] = [result["name"]]
        graph = helper.make_graph(self._nodes, "edgedigits", [_value(source)], [_value(result)], self._initializers)
        model = helper.make_model(
            graph,
            opset_imports=[helper.make_opsetid("", self._opset)],
            ir_version=IR_VERSION,
            producer_name="edgedigits",
        )
        helper.set_model_props(model, dict(metadata))
        onnx.checker.check_model(model, full_check=True)
        return model


def _value(about: Mapping[str, Any]) -> onnx.ValueInfoProto:
    element = helper.np_dtype_to_tensor_dtype(np.dtype(about["dtype"]))
    return helper.make_tensor_value_info(about["name"], element, about["shape"])
