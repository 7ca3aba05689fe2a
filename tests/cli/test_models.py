import json

from edgedigits import Recognizer
from edgedigits.models import DEFAULT_MODEL, model_names, shipped_file


def test_a_line_for_people_on_every_model(edgedigits):
    done = edgedigits("models")
    assert (done.code, done.err) == (0, "")
    names = [line.split(":")[0].removesuffix(" (default)") for line in done.out.splitlines()]
    assert names == list(model_names())
    assert f"{DEFAULT_MODEL} (default): " in done.out


def test_a_json_object_on_every_model(edgedigits):
    done = edgedigits("models", "--json")
    assert (done.code, done.err) == (0, "")
    models = {about["model"]: about for about in map(json.loads, done.out.splitlines())}
    assert list(models) == list(model_names())
    assert [name for name, about in models.items() if about["default"]] == [DEFAULT_MODEL]
    for name, about in models.items():
        card = Recognizer(name).card
        assert about["bytes"] == len(shipped_file(name).read_bytes())
        assert about["precision"] == card.precision
        assert about["accuracy"] == card.accuracy.accuracy
        assert about["accuracy_ci95"] == list(card.accuracy.ci95)
