import pytest

import edgedigits as package
from edgedigits.cli import COMMANDS

SUBCOMMANDS = [[], *([name] for name in COMMANDS), ["data", "fetch"], ["data", "show"]]


def test_the_installed_command_tells_its_version(installed):
    done = installed("--version")
    assert (done.code, done.err) == (0, "")
    assert package.__version__ in done.out


@pytest.mark.parametrize("command", SUBCOMMANDS, ids=lambda words: " ".join(words) or "edgedigits")
def test_every_command_shows_an_example_of_itself(edgedigits, command):
    done = edgedigits(*command, "--help")
    assert (done.code, done.err) == (0, "")
    _, _, example = done.out.partition("Example:\n")
    assert example.split()[: 1 + len(command)] == ["edgedigits", *command]


def test_help_lists_every_command_with_what_it_does(edgedigits):
    lines = [line.split(maxsplit=1) for line in edgedigits("-h").out.splitlines() if line.strip()]
    assert all([name, about] in lines for name, about in COMMANDS.items())


def test_a_bare_call_shows_the_help_and_is_wrong(edgedigits):
    done = edgedigits()
    assert done.code == 2
    assert (done.out + done.err).startswith("Usage: edgedigits")


@pytest.mark.parametrize("arguments", [["predct"], ["--bogus"], ["models", "--bogus"], ["models", "extra"]])
def test_a_call_that_is_wrong_is_one_line_that_names_what(edgedigits, arguments):
    assert arguments[-1] in edgedigits(*arguments).refusal


def test_a_missing_argument_is_named(edgedigits):
    assert "IMAGE" in edgedigits("predict").refusal


def test_an_unknown_model_is_one_line_that_suggests_the_known(edgedigits):
    line = edgedigits("predict", "three.png", "--model", "papr").refusal
    assert "unknown model 'papr': did you mean 'paper'?" in line
