"""An ONNX graph written operator by operator."""

import numpy as np
import onnx
import onnxruntime
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from edgedigits.export.graph import FLOAT, IR_VERSION, Graph

SOURCE = {"name": "x", "dtype": "float32", "shape": ["batch", 3]}
RESULT = {"name": "y", "dtype": "float32", "shape": ["batch", 3]}
constants = st.sampled_from([np.float32, np.int64, np.uint8, np.int8]).flatmap(
    lambda dtype: arrays(dtype, array_shapes(min_dims=0, max_dims=2, max_side=2), elements=st.integers(0, 1))
)


def _sum_of(graph, count):
    """`x` and `count` ones, added one after the other."""
    x = "x"
    for _ in range(count):
        x = graph.add("Add", x, graph.constant(np.float32(1)))
    return x


@given(values=st.lists(constants, min_size=1, max_size=20))
def test_equal_constants_are_stored_once_and_others_apart(values):
    graph = Graph()
    names = [graph.constant(value) for value in values]
    different = {(value.dtype, value.shape, value.tobytes()) for value in map(np.asarray, values)}
    assert len(set(names)) == len(different)
    x = graph.add("Relu", "x")
    stored = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in _model(graph, x).graph.initializer}
    assert len(stored) == len(different)
    for name, value in zip(names, values, strict=True):
        assert stored[name].dtype == value.dtype
        np.testing.assert_array_equal(stored[name], value)


def _model(graph, answer, metadata=None):
    return graph.model(answer, SOURCE, RESULT, metadata or {})


def test_a_zero_and_its_negative_are_two_constants():
    graph = Graph()
    assert graph.constant(np.float32(0.0)) != graph.constant(np.float32(-0.0))


@settings(deadline=None)
@given(count=st.integers(1, 5), x=arrays(np.float32, (2, 3), elements=st.integers(-5, 5)))
def test_what_was_added_is_what_is_computed(count, x):
    graph = Graph()
    model = _model(graph, _sum_of(graph, count))
    session = onnxruntime.InferenceSession(model.SerializeToString())
    np.testing.assert_array_equal(session.run(["y"], {"x": x})[0], x + count)


@pytest.mark.parametrize(
    ("operators", "opset"), [(["Relu"], 6), (["Relu", "Abs", "Floor"], 6), (["Floor", "Round", "Relu"], 11)]
)
def test_the_opset_is_the_highest_that_an_operator_needs(operators, opset):
    graph = Graph()
    x = "x"
    for operator in operators:
        x = graph.add(operator, x)
    assert graph.opset == opset
    (entry,) = _model(graph, x).opset_import
    assert (entry.domain, entry.version) == ("", opset)


def test_an_operator_may_need_a_later_opset_for_what_it_is_given():
    graph = Graph()
    x = graph.add("Relu", "x", since=12)
    assert graph.opset == 12
    assert _model(graph, x).opset_import[0].version == 12


def test_a_model_is_checked_and_says_what_it_is():
    graph = Graph()
    model = _model(graph, _sum_of(graph, 2), {"edgedigits": "{}"})
    onnx.checker.check_model(model, full_check=True)
    assert (model.ir_version, model.producer_name) == (IR_VERSION, "edgedigits") == (4, "edgedigits")
    assert [(prop.key, prop.value) for prop in model.metadata_props] == [("edgedigits", "{}")]
    assert [value.name for value in (*model.graph.input, *model.graph.output)] == ["x", "y"]
    assert [dim.dim_param or dim.dim_value for dim in model.graph.input[0].type.tensor_type.shape.dim] == ["batch", 3]


def test_the_same_graph_is_the_same_bytes():
    def made():
        graph = Graph()
        return _model(graph, _sum_of(graph, 3)).SerializeToString(deterministic=True)

    assert made() == made()


def test_an_operator_that_is_not_in_the_table_is_refused():
    with pytest.raises(KeyError, match="Sigmoid"):
        Graph().add("Sigmoid", "x")


def test_an_opset_beyond_those_written_for_is_refused():
    graph = Graph()
    x = graph.add("Relu", "x", since=13)
    with pytest.raises(ValueError, match="opset 13 is newer than 12"):
        _model(graph, x)


def test_an_answer_that_is_not_the_last_result_is_refused():
    graph = Graph()
    first = graph.add("Relu", "x")
    graph.add("Abs", first)
    with pytest.raises(ValueError, match="not what the last operator gives"):
        _model(graph, first)


@pytest.mark.parametrize("name", ["nowhere", "v7"])
def test_a_value_that_nothing_gives_is_refused(name):
    graph = Graph()
    x = graph.add("Add", "x", name)
    with pytest.raises(onnx.checker.ValidationError):
        _model(graph, x)


def test_types_that_do_not_go_together_are_refused():
    graph = Graph()
    x = graph.add("Add", "x", graph.constant(np.int64(1)))
    with pytest.raises(onnx.shape_inference.InferenceError):
        _model(graph, x)


def test_a_cast_to_float_is_written_as_one():
    graph = Graph()
    x = graph.add("Cast", graph.constant(np.array([[1, 2, 3]], np.uint8)), to=FLOAT)
    model = _model(graph, graph.add("Add", "x", x))
    found = onnxruntime.InferenceSession(model.SerializeToString()).run(None, {"x": np.zeros((1, 3), np.float32)})[0]
    np.testing.assert_array_equal(found, [[1, 2, 3]])
