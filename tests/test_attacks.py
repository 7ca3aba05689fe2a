"""Files from strangers, as `attacks/make.py` writes them: refused in one line, and by their bytes alone if possible."""

import re
import runpy
import sys
import time
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from edgedigits import Recognizer
from edgedigits.artifact import OnnxArtifact
from edgedigits.errors import ArtifactError
from edgedigits.models import model_names, shipped_file
from edgedigits.onnxfile import ELEMENTS, MAX_BYTES, MAX_FIELDS, REFUSED, SCHEMA, TEXT, inspect
from edgedigits.onnxfile import _Reader as Reader

onnx = pytest.importorskip("onnx", reason="attacks are built with onnx, of the extra export")

FOLDER = Path(__file__).parent / "attacks"
MAKE = runpy.run_path(str(FOLDER / "make.py"))
HONEST = MAKE["written"](MAKE["honest"]())
NANO = shipped_file("nano").read_bytes()
DAMAGED = "is not an ONNX model, or is damaged"
ELSEWHERE = "keeps weights in another file, as no digit model does"
EXPECTED = {
    "attribute_giant": "has 'kernel_shape' beyond 1,024 at MaxPool",
    "attribute_of_an_unknown_type": f"{DAMAGED} (an attribute of another type at Softmax)",
    "attribute_of_another_type": f"{DAMAGED} (an attribute of another type at Softmax)",
    "attribute_sparse": "has sparse weights",
    "attribute_twice": f"{DAMAGED} (two attributes of one name at Softmax)",
    "bomb_of_a_constant_shape": "computes constants by ConstantOfShape",
    "bomb_of_a_frames_shape": "uses the operator ConstantOfShape, as no digit model that is given frames or lines does",
    "bomb_of_products": "computes more than 4,194,304 constants",
    "card_a_list": "has a damaged card (TypeError: ",
    "card_infinite": "has a damaged card (ValueError: loss is inf, ",
    "card_long_number": "has a damaged card (ValueError: ",
    "card_nan": "has a damaged card (ValueError: threshold is nan, ",
    "card_nested": "has a damaged card (",
    "card_no_json": "has a damaged card (JSONDecodeError: ",
    "card_other_input": "has a card whose labels, input or output are not those of a digit model",
    "card_other_labels": "has a card whose labels, input or output are not those of a digit model",
    "card_other_schema": "has a card of schema 1; ",
    "cut_by_a_byte": f"{DAMAGED} (cut off)",
    "cut_in_a_field": f"{DAMAGED} (cut off, ",
    "cut_in_the_card": f"{DAMAGED} (cut off)",
    "cut_in_the_graph": f"{DAMAGED} (cut off)",
    "empty": "is empty: export it again",
    "external_above": ELSEWHERE,
    "external_absolute": ELSEWHERE,
    "external_beside": ELSEWHERE,
    "external_in_an_attribute": ELSEWHERE,
    "external_in_memory": ELSEWHERE,
    "external_said_only": ELSEWHERE,
    "field_of_another_type": f"{DAMAGED} (producer_name of a ModelProto is of another type)",
    "field_unknown": f"{DAMAGED} (field 99 in a ModelProto)",
    "field_zero": f"{DAMAGED} (field 0 in a ModelProto)",
    "function": "carries functions of its own, as no digit model does",
    "graph_with_annotations": f"{DAMAGED} (field 14 in a GraphProto)",
    "group": f"{DAMAGED} (a field of wire type 3)",
    "html": DAMAGED,
    "input_of_another_name": "has the input [('pixels', ",
    "input_of_another_shape": "has the input [('frames', 'tensor(uint8)', ['any', 32, 32])], not ",
    "input_of_another_type": "has the input [('frames', 'tensor(float)', ",
    "input_optional": f"{DAMAGED} (a name that is given twice)",
    "inputs_two": "has the input [('frames', 'tensor(uint8)', ['any', 28, 28]), ('more', ",
    "length_flipped": f"{DAMAGED} (cut off)",
    "length_huge": f"{DAMAGED} (cut off)",
    "nested_graphs": "has a graph within its graph",
    "nested_types": f"{DAMAGED} (field 4 in a TypeProto)",
    "no_card": "has no edgedigits card, so it is not one of ours",
    "no_graph": f"{DAMAGED} (no graph)",
    "no_text": f"{DAMAGED} (producer_name of a ModelProto is no text)",
    "nodes_empty": "uses the operator ''",
    "nodes_unsorted": f"{DAMAGED} (Relu takes what is not there yet)",
    "number_endless": f"{DAMAGED} (cut off, or a number too long)",
    "number_of_65_bits": f"{DAMAGED} (cut off, or a number too long)",
    "number_padded": f"{DAMAGED} (a number longer than need be)",
    "operator_branching": "has a graph within its graph, as no digit model does",
    "operator_of_a_stranger": "needs operators of 'evil.corp', as no digit model does",
    "operator_of_microsoft": "needs operators of 'com.microsoft', as no digit model does",
    "operator_on_two_lines": r"uses the operator 'Relu\nedgedigits: all is well\x1b[2J', as no digit model does",
    "operator_random": "uses the operator 'RandomNormal'",
    "operator_set_of_a_stranger": "needs operators of 'evil.corp'",
    "operator_unknown": "uses the operator 'Backdoor'",
    "output_lies": "has the output [('probabilities', ",
    "output_of_another_shape": "has the output [('probabilities', 'tensor(float)', ['any', 11])], not ",
    "pickle": DAMAGED,
    "png": DAMAGED,
    "tensor_empty": "has the empty tensor 'weight' of shape [0, 1099511627776]",
    "tensor_huge": f"{DAMAGED} (tensor 'weight' of shape [2147483648, 2147483648] has 0 bytes)",
    "tensor_listed_short": f"{DAMAGED} (tensor 'weight' of shape [1, 10] has 4 bytes)",
    "tensor_long": f"{DAMAGED} (tensor 'weight' of shape [1, 10] has 44 bytes)",
    "tensor_negative": f"{DAMAGED} (tensor 'weight' has a negative length)",
    "tensor_of_many_lengths": "has a list of more than 1,000 numbers",
    "tensor_of_text": "has the tensor 'weight' of type 8",
    "tensor_overflowing": f"{DAMAGED} (tensor 'weight' of shape [4294967296, 4294967296, 10] has 40 bytes)",
    "tensor_short": f"{DAMAGED} (tensor 'weight' of shape [1, 10] has 36 bytes)",
    "tensor_sparse": "has sparse weights, as no digit model does",
    "tensor_twice": f"{DAMAGED} (tensor 'weight' has data of another type, or twice)",
    "text": DAMAGED,
    "training": "carries a training program, as no digit model does",
    "two_cards": f"{DAMAGED} (two metadata entries 'edgedigits')",
    "two_graphs": f"{DAMAGED} (two of graph in a ModelProto)",
    "two_of_a_name": f"{DAMAGED} (a name that is given twice)",
    "two_operator_sets": f"{DAMAGED} (2 versions of its operators)",
    "zeros": DAMAGED,
    "zip": DAMAGED,
}
BY_ITS_OPERATORS = "output_lies"
"""The only one that has to be opened to be known."""
OPENED = """
import sys
from pathlib import Path
from edgedigits.artifact import OnnxArtifact
for path in map(Path, sys.argv[1:]):
    try:
        OnnxArtifact.open(path)
    except Exception as error:
        print(type(error).__name__, "onnxruntime" in sys.modules)
"""

attacks = pytest.mark.parametrize("attack", EXPECTED)


def mutations(content):
    """`content` with some bytes changed, taken out, or given once more."""
    places = st.integers(0, len(content) - 1)
    spans = st.tuples(places, st.integers(1, 40)).map(lambda span: slice(span[0], span[0] + span[1]))
    changes = st.one_of(
        st.tuples(places.map(lambda at: slice(at, at + 1)), st.binary(min_size=1, max_size=2)),
        st.tuples(spans, st.just(b"")),
        spans.map(lambda span: (slice(span.stop, span.stop), content[span])),
    )
    return st.lists(changes, min_size=1, max_size=2).map(lambda made: changed(content, made))


def changed(content, changes):
    mutated = bytearray(content)
    for span, replacement in changes:
        mutated[span] = replacement
    return bytes(mutated)


def refusal(read, content):
    """What `read` refuses `content` with; anything but a refusal in one line fails the test."""
    try:
        read(content, "digits.onnx")
    except ArtifactError as error:
        said = str(error)
    else:
        return None
    assert re.fullmatch(r"digits\.onnx [ -~]+", said)
    return said


def as_onnx_reads(message):
    """A message of onnx in the form in which `onnxfile` reads it."""
    kind = message.DESCRIPTOR.name
    return {field.name: value_as_read(SCHEMA[kind][field.number], value) for field, value in message.ListFields()}


def value_as_read(field, value):
    if field.kind in SCHEMA:
        return [as_onnx_reads(item) for item in value] if field.many else as_onnx_reads(value)
    if field.kind == TEXT:
        return list(value) if field.many else value
    return len(value) if field.many else None


def as_we_read(read, kind):
    """The same of what `onnxfile` read, with numbers and bytes left out, which it does not look into."""
    named = {field.name: field for field in SCHEMA[kind].values()}
    found = {}
    for name, value in read.items():
        field = named[name]
        if field.kind in SCHEMA:
            found[name] = (
                [as_we_read(item, field.kind) for item in value] if field.many else as_we_read(value, field.kind)
            )
        elif field.kind == TEXT:
            found[name] = value
        elif not field.many:
            found[name] = None
        elif (count := sum(numbers_in(item, field.kind) for item in value)) > 0:
            found[name] = count
    return found


def numbers_in(item, kind):
    if isinstance(item, int) or kind == "bytes":
        return 1
    return sum(byte < 0x80 for byte in item) if kind == "int" else len(item) // int(kind)


def test_every_attack_is_a_file_that_is_tried():
    assert {path.stem: path.suffix for path in FOLDER.glob("*.onnx")} == dict.fromkeys(EXPECTED, ".onnx")


def test_the_files_are_what_the_script_writes():
    made = MAKE["attacks"]()
    assert made.keys() == EXPECTED.keys()
    assert [name for name in made if (FOLDER / f"{name}.onnx").read_bytes() != made[name]] == []


def test_what_is_attacked_is_sound():
    probabilities = OnnxArtifact(HONEST, "honest.onnx").run(np.zeros((3, 28, 28), np.uint8))
    assert probabilities.shape == (3, 10)


@attacks
def test_an_attack_is_refused_in_one_line(attack):
    path = FOLDER / f"{attack}.onnx"
    said = f"{path} {EXPECTED[attack]}"
    for open_it in (OnnxArtifact.open, Recognizer):
        with pytest.raises(ArtifactError) as caught:
            open_it(path)
        assert str(caught.value).startswith(said)
        assert str(caught.value).isprintable()


@attacks
def test_a_command_refuses_an_attack_in_one_line(edgedigits, tmp_path, attack):
    Image.new("L", (50, 50), 255).save(tmp_path / "digit.png")
    (tmp_path / "attack.onnx").write_bytes((FOLDER / f"{attack}.onnx").read_bytes())
    (tmp_path / "weights.bin").write_bytes(bytes(40))
    refusal = edgedigits("predict", "digit.png", "--model", "attack.onnx").refusal
    assert refusal.startswith(f"edgedigits: attack.onnx {EXPECTED[attack]}")


def test_an_attack_is_refused_before_onnxruntime_is_there(program):
    paths = [FOLDER / f"{attack}.onnx" for attack in EXPECTED if attack != BY_ITS_OPERATORS]
    done = program(sys.executable, "-c", OPENED, *paths)
    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines() == ["ArtifactError False"] * len(paths)


def test_a_file_too_large_is_not_read_to_its_end(tmp_path):
    path = tmp_path / "large.onnx"
    with path.open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(ArtifactError, match=rf"large\.onnx is larger than {MAX_BYTES >> 20} MB"):
        OnnxArtifact.open(path)


@pytest.mark.parametrize(("n", "said"), [(1, "fails when it is run,"), (5, r"answers 5 frames by \[392, 10\]:")])
def test_a_model_that_fails_when_it_runs_is_refused_then(n, said):
    model = MAKE["honest"]()
    del model.graph.node[1:]
    model.graph.node.append(onnx.helper.make_node("Reshape", ["levels", "rows"], ["probabilities"]))
    model.graph.initializer.append(MAKE["constant"]("rows", [-1, 10], np.int64))
    artifact = OnnxArtifact(MAKE["written"](model), "digits.onnx")
    with pytest.raises(ArtifactError, match=rf"\Adigits\.onnx {said} [^\n]*it is not a digit model\Z"):
        artifact.run(np.zeros((n, 28, 28), np.uint8))


@pytest.mark.parametrize("part", [MAKE["block"](1, b""), MAKE["block"](5, b"\x08\x01")])
def test_a_million_parts_are_refused(part):
    with pytest.raises(ArtifactError, match=rf"has more than {MAX_FIELDS:,} parts"):
        inspect(MAKE["block"](7, part * 1_000_000), "digits.onnx")


def test_a_model_of_many_nodes_is_read_in_no_time():
    model = MAKE["honest"]()
    relu = [onnx.helper.make_node("Relu", [f"{i}" if i else "brightest"], [f"{i + 1}"]) for i in range(20_000)]
    model.graph.node.extend(relu)
    began = time.process_time()
    inspect(MAKE["written"](model), "digits.onnx")
    assert time.process_time() - began < 5


@pytest.mark.parametrize("field", [1, 4, 5, 7, 10, 11])
def test_numbers_by_the_million_are_refused_in_no_time(field):
    tensor = MAKE["block"](field, b"\x01" * 8_000_000)
    with pytest.raises(ArtifactError, match=r"\Adigits\.onnx [ -~]+\Z"):
        inspect(MAKE["block"](7, MAKE["block"](5, b"\x10\x07" + tensor)) + MAKE["block"](8, b""), "digits.onnx")


@pytest.mark.parametrize("dtype", [dtype for dtype, (name, *_) in ELEMENTS.items() if name != "float16"])
@pytest.mark.parametrize("raw", [False, True])
def test_weights_of_every_type_are_accepted_either_way(dtype, raw):
    values = np.array([1, 0, 1], onnx.helper.tensor_dtype_to_np_dtype(dtype))
    tensor = onnx.helper.make_tensor("values", dtype, [3], values.tobytes() if raw else values.tolist(), raw=raw)
    model = MAKE["honest"]()
    model.graph.initializer.append(tensor)
    assert inspect(MAKE["written"](model), "digits.onnx").operators


def test_types_are_those_of_onnx():
    for dtype, (_, width, stored) in ELEMENTS.items():
        assert onnx.helper.tensor_dtype_to_np_dtype(dtype).itemsize == width
        assert onnx.helper.tensor_dtype_to_field(dtype) == stored


def test_the_schema_is_that_of_onnx():
    descriptors = {name: getattr(onnx, name).DESCRIPTOR for name in SCHEMA if hasattr(onnx, name)}
    descriptors |= {
        "Tensor": onnx.TypeProto.Tensor.DESCRIPTOR,
        "Dimension": onnx.TensorShapeProto.Dimension.DESCRIPTOR,
    }
    assert descriptors.keys() == SCHEMA.keys()
    kinds = {"int": "3 5 14", "str": "9", "bytes": "12", "4": "2", "8": "1"}
    for message, fields in SCHEMA.items():
        for number, field in fields.items():
            theirs = descriptors[message].fields_by_number[number]
            assert (theirs.name, theirs.is_repeated) == (field.name, field.many)
            if field.kind in SCHEMA:
                assert theirs.message_type.name == field.kind
            elif (message, field.name) != ("TensorProto", "uint64_data"):
                assert str(theirs.type) in kinds[field.kind].split()
    assert all(number in descriptors[message].fields_by_number for message, number in REFUSED)


@pytest.mark.parametrize("name", model_names())
def test_models_that_ship_are_read_as_onnxruntime_reads_them(name):
    content = shipped_file(name).read_bytes()
    found = inspect(content, name)
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    assert dict(found.metadata) == session.get_modelmeta().custom_metadata_map
    for ours, theirs in (
        *zip(found.inputs, session.get_inputs(), strict=True),
        *zip(found.outputs, session.get_outputs(), strict=True),
    ):
        assert (ours.name, ours.type, ours.shape) == (theirs.name, theirs.type, theirs.shape)


def test_a_model_cut_anywhere_is_refused():
    assert all(refusal(OnnxArtifact, HONEST[:end]) for end in range(len(HONEST)))


@given(st.integers(0, len(NANO) - 1))
def test_a_model_that_ships_cut_anywhere_is_refused(end):
    assert refusal(OnnxArtifact, NANO[:end])


@given(st.binary())
def test_any_bytes_are_refused(content):
    assert refusal(inspect, content)


@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow])
@given(mutations(HONEST) | mutations(NANO))
def test_what_is_accepted_is_the_same_to_another_reader(content):
    if refusal(inspect, content) is None:
        model = onnx.load_model_from_string(content)
        assert as_we_read(Reader().message(memoryview(content), "ModelProto"), "ModelProto") == as_onnx_reads(model)
        assert dict(inspect(content, "").metadata) == {entry.key: entry.value for entry in model.metadata_props}
