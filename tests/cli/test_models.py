import json

from edgedigits import Recognizer
from edgedigits.models import DEFAULT_MODEL, model_names, shipped_file


def test_a_line_for_people_on_every_model(edgedigits):
    done = edgedigits("models")
    assert (done.code, done.err) == (0, "")
    lines = {line.split()[0]: line for line in done.out.splitlines() if "×" in line}
    assert set(lines) == set(model_names())
    assert [name for name, line in lines.items() if "(default)" in line] == [DEFAULT_MODEL]
    for name, line in lines.items():
        accuracy = Recognizer(name).card.accuracy
        assert f"{len(shipped_file(name).read_bytes()):,}" in line
        assert f"{100 * accuracy.accuracy:.2f}%" in line
        assert f"{accuracy.accepted_errors} of {round(accuracy.coverage * accuracy.n):,}" in line


def test_a_json_object_on_every_model(edgedigits):
    done = edgedigits("models", "--json")
    assert (done.code, done.err) == (0, "")
    models = {about["model"]: about for about in map(json.loads, done.out.splitlines())}
    assert set(models) == set(model_names())
    assert models["paper"]["latency_ratio"] == 1
    ratios = [about["latency_ratio"] for about in models.values()]
    assert ratios == sorted(ratios)
    assert ratios[0] > 0
    assert [name for name, about in models.items() if about["default"]] == [DEFAULT_MODEL]
    for name, about in models.items():
        card = Recognizer(name).card
        assert about["bytes"] == len(shipped_file(name).read_bytes())
        assert (about["precision"], about["max_error"]) == (card.precision, card.max_error)
        assert about["accuracy"] == card.accuracy.accuracy
        assert about["accuracy_ci95"] == list(card.accuracy.ci95)
