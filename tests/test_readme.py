"""What the README says is so."""

import re
from pathlib import Path

import pytest

from edgedigits import Recognizer
from edgedigits.bench.tables import render
from edgedigits.cli import COMMANDS
from edgedigits.cli.predict import line

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")


def test_tables_are_those_of_the_measured_figures():
    assert render(README, ROOT / "bench" / "results") == README


def test_every_table_has_rows():
    tables = re.findall(r"<!-- table: (\w+) -->\n(.*?)<!-- end -->", README, re.DOTALL)
    assert [name for name, _ in tables] == [
        "family",
        "pages",
        "strings",
        "guest",
        "trust",
        "elsewhere",
        "training",
        "bench",
        "formats",
    ]
    assert all(text.count("\n|") >= 3 for _, text in tables)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_mentioned(command):
    assert f"edgedigits {command}" in README


def test_links_lead_somewhere():
    targets = [target for target in re.findall(r"\]\(([^)]+)\)", README) if "://" not in target]
    assert targets
    assert [target for target in targets if not (ROOT / target).exists()] == []


def test_the_example_runs(monkeypatch, capsys):
    monkeypatch.chdir(ROOT)
    (example,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    exec(compile(example, "README.md", "exec"), {})
    assert capsys.readouterr().out.startswith("5 ")


def test_the_pictures_are_read_as_shown():
    pictures = re.findall(r"!\[\]\((examples/[^)]+)\)", README)
    shown = re.findall(r"\| `([^`]+)` (?=\|)", README.split("![](examples/")[-1].split("\n\n")[0])
    recognizer = Recognizer()
    assert [line(recognizer.read(ROOT / picture)) for picture in pictures] == shown
