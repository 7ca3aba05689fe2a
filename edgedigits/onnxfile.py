"""A look into an ONNX file before it is opened: what a digit model has no use for is refused, as far as bytes tell.

onnxruntime reads what strangers send as it would its owner's files: it looks for weights in other files, merges graphs
that are given twice, and computes constants of any size while it loads. So the file is read here first, all of it, by
rules that leave a second reader no choice: every field is known, comes once where it is one, and has one spelling.

Not covered is what a model does when it runs: arithmetic that grows step by step takes the memory and the time that it
takes. Give a stranger's model to a process with limits.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, NamedTuple, NoReturn

from edgedigits.errors import ArtifactError

__all__ = ["MAX_BYTES", "SIZING", "Inspected", "Value", "inspect", "short"]

MAX_BYTES = 16 << 20
"""Larger files are refused: digit models are below 1 MB."""
MAX_FIELDS = 100_000
"""A digit model has some hundred, a tensor's data being one. Each costs a microsecond."""
MAX_SAID = 200
"""Characters of a value that a message repeats."""
MAX_LIST = 1000
"""A shape or an attribute has a handful of numbers."""
MAX_NUMBER = 1024
"""Attributes hold axes, strides, paddings and the like. Larger ones make a giant of a frame."""
MAX_COMPUTED = 1 << 22
"""Elements of all constants that are computed while a model is loaded: weights that are stored in few bits, say."""

PLAIN = (
    "Abs Add And ArgMax ArgMin AveragePool BatchNormalization Cast Ceil Clip Concat Conv ConvInteger "
    "DequantizeLinear Div DynamicQuantizeLinear Equal Exp Flatten Floor Gemm GlobalAveragePool GlobalMaxPool Greater "
    "GreaterOrEqual HardSigmoid HardSwish Identity LeakyRelu Less LessOrEqual Log LogSoftmax MatMul MatMulInteger Max "
    "MaxPool Min Mod Mul Neg Not Or PRelu Pow QLinearConv QLinearMatMul QuantizeLinear Reciprocal ReduceMax ReduceMean "
    "ReduceMin ReduceProd ReduceSum Relu Reshape Round Sigmoid Sign Slice Softmax Split Sqrt Squeeze Sub Sum Tanh "
    "Transpose Unsqueeze Where Xor"
)
OPERATORS = frozenset(PLAIN.split())
"""What a model of frames can be made of."""
FOLDED = MappingProxyType({"Add": 2, "Cast": 1, "DequantizeLinear": 1, "Div": 2, "Mul": 2, "Reshape": 1, "Sub": 2})
"""Operators that may work on constants alone. The result has no more elements than the first inputs, as many as are
said here, have multiplied."""
SHAPING = (
    "ConstantOfShape CumSum Expand Gather GatherElements GatherND GridSample NonZero OneHot Pad Range Resize "
    "ScatterElements ScatterND Shape Size Tile TopK Trilu"
)
SIZING = frozenset(SHAPING.split())
"""Operators that ask for sizes or set them. A graph that is given pictures needs them, as their sizes differ."""

ELEMENTS = MappingProxyType(
    {
        1: ("float", 4, "float_data"),
        2: ("uint8", 1, "int32_data"),
        3: ("int8", 1, "int32_data"),
        4: ("uint16", 2, "int32_data"),
        5: ("int16", 2, "int32_data"),
        6: ("int32", 4, "int32_data"),
        7: ("int64", 8, "int64_data"),
        9: ("bool", 1, "int32_data"),
        10: ("float16", 2, "int32_data"),
        11: ("double", 8, "double_data"),
        12: ("uint32", 4, "uint64_data"),
        13: ("uint64", 8, "uint64_data"),
    }
)
"""Types of elements by ONNX's numbers: what onnxruntime calls them, their bytes, and where they are stored if not in
raw_data."""


class Field(NamedTuple):
    """A field of a message: its kind is `int`, `str`, `bytes`, `4` or `8` bytes, or the name of a message."""

    name: str
    kind: str
    many: bool = False


INT64, TEXT = "int", "str"
SCHEMA: Mapping[str, Mapping[int, Field]] = MappingProxyType(
    {
        "ModelProto": {
            1: Field("ir_version", INT64),
            2: Field("producer_name", TEXT),
            3: Field("producer_version", TEXT),
            4: Field("domain", TEXT),
            5: Field("model_version", INT64),
            6: Field("doc_string", TEXT),
            7: Field("graph", "GraphProto"),
            8: Field("opset_import", "OperatorSetIdProto", many=True),
            14: Field("metadata_props", "StringStringEntryProto", many=True),
        },
        "GraphProto": {
            1: Field("node", "NodeProto", many=True),
            2: Field("name", TEXT),
            5: Field("initializer", "TensorProto", many=True),
            10: Field("doc_string", TEXT),
            11: Field("input", "ValueInfoProto", many=True),
            12: Field("output", "ValueInfoProto", many=True),
            13: Field("value_info", "ValueInfoProto", many=True),
            16: Field("metadata_props", "StringStringEntryProto", many=True),
        },
        "NodeProto": {
            1: Field("input", TEXT, many=True),
            2: Field("output", TEXT, many=True),
            3: Field("name", TEXT),
            4: Field("op_type", TEXT),
            5: Field("attribute", "AttributeProto", many=True),
            6: Field("doc_string", TEXT),
            7: Field("domain", TEXT),
            9: Field("metadata_props", "StringStringEntryProto", many=True),
        },
        "AttributeProto": {
            1: Field("name", TEXT),
            2: Field("f", "4"),
            3: Field("i", INT64),
            4: Field("s", "bytes"),
            5: Field("t", "TensorProto"),
            7: Field("floats", "4", many=True),
            8: Field("ints", INT64, many=True),
            9: Field("strings", "bytes", many=True),
            13: Field("doc_string", TEXT),
            20: Field("type", INT64),
        },
        "TensorProto": {
            1: Field("dims", INT64, many=True),
            2: Field("data_type", INT64),
            4: Field("float_data", "4", many=True),
            5: Field("int32_data", INT64, many=True),
            7: Field("int64_data", INT64, many=True),
            8: Field("name", TEXT),
            9: Field("raw_data", "bytes"),
            10: Field("double_data", "8", many=True),
            11: Field("uint64_data", INT64, many=True),
            12: Field("doc_string", TEXT),
            14: Field("data_location", INT64),
            16: Field("metadata_props", "StringStringEntryProto", many=True),
        },
        "ValueInfoProto": {
            1: Field("name", TEXT),
            2: Field("type", "TypeProto"),
            3: Field("doc_string", TEXT),
            4: Field("metadata_props", "StringStringEntryProto", many=True),
        },
        "TypeProto": {1: Field("tensor_type", "Tensor"), 6: Field("denotation", TEXT)},
        "Tensor": {1: Field("elem_type", INT64), 2: Field("shape", "TensorShapeProto")},
        "TensorShapeProto": {1: Field("dim", "Dimension", many=True)},
        "Dimension": {1: Field("dim_value", INT64), 2: Field("dim_param", TEXT), 3: Field("denotation", TEXT)},
        "OperatorSetIdProto": {1: Field("domain", TEXT), 2: Field("version", INT64)},
        "StringStringEntryProto": {1: Field("key", TEXT), 2: Field("value", TEXT)},
    }
)
"""What is read of onnx.proto. No message holds one of its own kind, so nesting has an end; a field that is not here is
refused, be it known to ONNX or not: what nobody looked at is not safe, and skipping is what hides things."""
REFUSED = MappingProxyType(
    {
        ("ModelProto", 20): "carries a training program",
        ("ModelProto", 25): "carries functions of its own",
        ("GraphProto", 15): "has sparse weights",
        ("AttributeProto", 6): "has a graph within its graph",
        ("AttributeProto", 11): "has a graph within its graph",
        ("AttributeProto", 22): "has sparse weights",
        ("AttributeProto", 23): "has sparse weights",
        ("TensorProto", 13): "keeps weights in another file",
    }
)
"""Fields that have a name worth saying."""

ATTRIBUTES = MappingProxyType({1: "f", 2: "i", 3: "s", 4: "t", 6: "floats", 7: "ints", 8: "strings"})
"""Where an attribute's value is, by ONNX's number of its type."""
TENSOR_DATA = ("raw_data", *dict.fromkeys(stored for _, _, stored in ELEMENTS.values()))
LISTED = MappingProxyType({field.name: field.kind for field in SCHEMA["TensorProto"].values()})
WIRES = MappingProxyType({INT64: 0, "8": 1, "4": 5})
PACKED = 2
FIXED = MappingProxyType({"4": 4, "8": 8})
VARINT = re.compile(rb"[\x80-\xff]{0,8}[\x00-\x7f]|[\x80-\xff]{9}[\x00\x01]")
"""A number of up to 64 bits, seven to a byte, the low ones first; all bytes but the last have the high bit."""
NO_VARINT = re.compile(rb"[\x80-\xff]{9}[^\x00\x01]")
NOT_LAST = bytes(range(0x80, 0x100))
"""The bytes of numbers but for the last of each."""


@dataclass(frozen=True)
class Value:
    """An input or output as the file declares it, in onnxruntime's words; a length left open is its name."""

    name: str
    type: str
    shape: list[int | str]


@dataclass(frozen=True)
class Inspected:
    """What a model says of itself."""

    metadata: Mapping[str, str]
    inputs: tuple[Value, ...]
    outputs: tuple[Value, ...]
    operators: frozenset[str]


class _DamagedError(Exception):
    """No ONNX model. Raised here and caught here."""


class _UnsafeError(Exception):
    """An ONNX model with something in it that is in no digit model. Raised here and caught here."""


def inspect(content: bytes, name: str) -> Inspected:
    """Read the file `name` without opening it. Raises `ArtifactError` where it is no model, or not safe to open."""
    if len(content) > MAX_BYTES:
        raise ArtifactError(f"{name} is larger than {MAX_BYTES >> 20} MB: it is not a digit model")
    try:
        model = _Reader().message(memoryview(content), "ModelProto")
        return _check_model(model)
    except _DamagedError as error:
        raise ArtifactError(f"{name} is not an ONNX model, or is damaged ({error}): export it again") from error
    except _UnsafeError as error:
        raise ArtifactError(f"{name} {error}, as no digit model does: export it again") from error


class _Reader:
    """Reads messages as mappings of what they hold, a list where a field may come often."""

    def __init__(self) -> None:
        self._left = MAX_FIELDS

    def message(self, data: memoryview, kind: str) -> dict[str, Any]:
        schema, found, position = SCHEMA[kind], dict[str, Any](), 0
        while position < len(data):
            self._left -= 1
            if self._left < 0:
                raise _UnsafeError(f"has more than {MAX_FIELDS:,} parts")
            key, position = _varint(data, position)
            number, wire = key >> 3, key & 7
            field = schema.get(number)
            if field is None:
                _refuse_field(kind, number)
            value, position = _take(data, position, wire)
            value = self._convert(value, wire, field, kind)
            if field.many:
                found.setdefault(field.name, []).append(value)
            elif field.name in found:
                raise _DamagedError(f"two of {field.name} in a {kind}")
            else:
                found[field.name] = value
        return found

    def _convert(self, value: Any, wire: int, field: Field, kind: str) -> Any:
        if wire != WIRES.get(field.kind, PACKED) and not (field.many and wire == PACKED):
            raise _DamagedError(f"{field.name} of a {kind} is of another type")
        if field.kind in SCHEMA:
            return self.message(value, field.kind)
        if field.kind == TEXT:
            try:
                return str(value, "utf-8")
            except UnicodeDecodeError as error:
                raise _DamagedError(f"{field.name} of a {kind} is no text") from error
        if field.kind in FIXED and len(value) % FIXED[field.kind]:
            raise _DamagedError(f"{field.name} of a {kind} is cut off")
        return value


def _refuse_field(kind: str, number: int) -> NoReturn:
    if (kind, number) in REFUSED:
        raise _UnsafeError(REFUSED[kind, number])
    raise _DamagedError(f"field {number} in a {kind}")


def _varint(data: memoryview, position: int) -> tuple[int, int]:
    """A number and where it ends. It has to be in its shortest form, or readers would differ on what is a number."""
    if position < len(data) and data[position] < 0x80:
        return data[position], position + 1
    match = VARINT.match(data, position)
    if match is None:
        raise _DamagedError("cut off, or a number too long")
    value = 0
    for byte in reversed(match[0]):
        value = value << 7 | byte & 0x7F
    if match[0][-1] == 0:
        raise _DamagedError("a number longer than need be")
    return value, match.end()


def _take(data: memoryview, position: int, wire: int) -> tuple[Any, int]:
    """A field's content, a number or bytes that are not copied, and where it ends."""
    if wire == 0:
        return _varint(data, position)
    if wire == PACKED:
        length, position = _varint(data, position)
    elif wire in {1, 5}:
        length = 8 if wire == 1 else 4
    else:
        raise _DamagedError(f"a field of wire type {wire}")
    end = position + length
    if end > len(data):
        raise _DamagedError("cut off")
    return data[position:end], end


def _numbers(values: list[int | memoryview]) -> list[int]:
    """Signed numbers, whichever of the two ways they are written."""
    found: list[int] = []
    for value in values:
        if isinstance(value, int):
            found.append(value)
            continue
        position = 0
        while position < len(value) and len(found) <= MAX_LIST:
            number, position = _varint(value, position)
            found.append(number)
    if len(found) > MAX_LIST:
        raise _UnsafeError(f"has a list of more than {MAX_LIST:,} numbers")
    return [value - (1 << 64) if value >> 63 else value for value in found]


def _count(values: list[int | memoryview], kind: str) -> int:
    """How many numbers there are, not one of which is read."""
    count = 0
    for value in values:
        if isinstance(value, int):
            count += 1
        elif kind in FIXED:
            count += len(value) // FIXED[kind]
        elif value:
            if value[-1] >= 0x80 or NO_VARINT.search(value):
                raise _DamagedError("numbers of a tensor are cut off, or too long")
            count += len(bytes(value).translate(None, NOT_LAST))
    return count


def _check_model(model: dict[str, Any]) -> Inspected:
    if "graph" not in model:
        raise _DamagedError("no graph")
    domains = [opset.get("domain", "") for opset in model.get("opset_import", ())]
    for domain in domains:
        _check_domain(domain)
    if len(domains) != 1:
        raise _DamagedError(f"{len(domains)} versions of its operators")
    graph = model["graph"]
    return Inspected(
        MappingProxyType(_metadata(model)),
        tuple(map(_value, graph.get("input", ()))),
        tuple(map(_value, graph.get("output", ()))),
        _check_graph(graph),
    )


def _check_domain(domain: str) -> None:
    if domain not in {"", "ai.onnx"}:
        raise _UnsafeError(f"needs operators of {short(domain)}")


def _metadata(model: dict[str, Any]) -> dict[str, str]:
    metadata: dict[str, str] = {}
    for entry in model.get("metadata_props", ()):
        key = entry.get("key", "")
        if key in metadata:
            raise _DamagedError(f"two metadata entries {short(key)}")
        metadata[key] = entry.get("value", "")
    return metadata


def _value(value: dict[str, Any]) -> Value:
    tensor = value.get("type", {}).get("tensor_type", {})
    dtype = tensor.get("elem_type", 0)
    name = ELEMENTS[dtype][0] if dtype in ELEMENTS else str(dtype)
    shape: list[int | str] = []
    for length in tensor.get("shape", {}).get("dim", ()):
        if len(length.keys() - {"denotation"}) > 1:
            raise _DamagedError("two lengths of one dimension")
        shape += _numbers([length["dim_value"]]) if "dim_value" in length else [length.get("dim_param", "")]
    return Value(value.get("name", ""), f"tensor({name})", shape)


def _check_graph(graph: dict[str, Any]) -> frozenset[str]:
    """The operators that it uses."""
    nodes, inputs, weights = (graph.get(part, ()) for part in ("node", "input", "initializer"))
    given = [value.get("name", "") for value in (*inputs, *weights)]
    given += [output for node in nodes for output in node.get("output", ()) if output]
    if len(set(given)) != len(given):
        raise _DamagedError("a name that is given twice")
    for node in nodes:
        _check_node(node)
    constants = {weight.get("name", ""): _check_tensor(weight) for weight in weights}
    _check_constants(nodes, constants, {value.get("name", "") for value in inputs})
    return frozenset(node["op_type"] for node in nodes)


def _check_constants(nodes: Sequence[dict[str, Any]], constants: dict[str, int], inputs: set[str]) -> None:
    """Bound what is computed of `constants`, sizes by name, alone: onnxruntime does so while it loads the model."""
    computed = 0
    for node in nodes:
        operator, sources = node["op_type"], [source for source in node.get("input", ()) if source]
        if not all(source in inputs or source in constants for source in sources):
            raise _DamagedError(f"{operator} takes what is not there yet")
        outputs = [output for output in node.get("output", ()) if output]
        if not inputs.isdisjoint(sources):
            inputs.update(outputs)
            continue
        if operator not in FOLDED or not sources:
            raise _UnsafeError(f"computes constants by {operator}")
        size = math.prod(constants[source] for source in sources[: FOLDED[operator]])
        computed += size
        if computed > MAX_COMPUTED:
            raise _UnsafeError(f"computes more than {MAX_COMPUTED:,} constants")
        constants.update(dict.fromkeys(outputs, size))


def _check_node(node: dict[str, Any]) -> None:
    _check_domain(node.get("domain", ""))
    operator = node.get("op_type", "")
    if operator not in OPERATORS and operator not in SIZING:
        raise _UnsafeError(f"uses the operator {short(operator)}")
    attributes = node.get("attribute", ())
    if len({attribute.get("name", "") for attribute in attributes}) != len(attributes):
        raise _DamagedError(f"two attributes of one name at {operator}")
    for attribute in attributes:
        if not attribute.keys() <= {"name", "doc_string", "type", ATTRIBUTES.get(attribute.get("type", 0))}:
            raise _DamagedError(f"an attribute of another type at {operator}")
        if "t" in attribute:
            _check_tensor(attribute["t"])
        integers = _numbers([*attribute.get("ints", ()), attribute.get("i", 0)])
        if any(abs(value) > MAX_NUMBER for value in integers):
            raise _UnsafeError(f"has {short(attribute.get('name', ''))} beyond {MAX_NUMBER:,} at {operator}")


def _check_tensor(tensor: dict[str, Any]) -> int:
    """The size of a tensor that holds exactly the data that its shape asks for."""
    name = short(tensor.get("name", ""))
    if tensor.get("data_location", 0):
        raise _UnsafeError("keeps weights in another file")
    dtype = tensor.get("data_type", 0)
    if dtype not in ELEMENTS:
        raise _UnsafeError(f"has the tensor {name} of type {dtype}")
    _, width, listed = ELEMENTS[dtype]
    shape = _numbers(tensor.get("dims", []))
    if any(length < 0 for length in shape):
        raise _DamagedError(f"tensor {name} has a negative length")
    # A product of empty matrices has the lengths that they have besides, and no data bounds those.
    if 0 in shape and len(shape) > 1:
        raise _UnsafeError(f"has the empty tensor {name} of shape {short(shape)}")
    stored = [field for field in TENSOR_DATA if field in tensor]
    if stored == ["raw_data"]:
        found = len(tensor["raw_data"])
    elif stored == [listed]:
        found = _count(tensor[listed], LISTED[listed]) * width
    elif not stored:
        found = 0
    else:
        raise _DamagedError(f"tensor {name} has data of another type, or twice")
    size = math.prod(shape)
    if found != size * width:
        raise _DamagedError(f"tensor {name} of shape {short(shape)} has {found:,} bytes")
    return size


def short(value: object) -> str:
    """A value for a message: on one line whatever it holds, and no longer than one."""
    said = ascii(value)
    return said if len(said) <= MAX_SAID else f"{said[:MAX_SAID]}..."
