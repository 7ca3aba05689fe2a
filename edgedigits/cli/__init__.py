"""The command line. Each command is a module of its own, imported when it is called."""

from __future__ import annotations

import contextlib
import importlib
import io
import os
import sys
from types import MappingProxyType

import click

import edgedigits
from edgedigits.cli.options import note
from edgedigits.errors import EdgeDigitsError, OutputError

__all__ = ["cli", "main", "run"]

COMMANDS = MappingProxyType(
    {
        "train": "Train a network and leave a checkpoint.",
        "eval": "Measure a model on a data set.",
        "export": "Write a model as one file, proven equal to its checkpoint.",
        "verify": "Prove a model file equal to its checkpoint.",
        "predict": "Read the digit on each picture.",
        "read": "Read the numbers on each picture or page.",
        "bench": "Measure speed against accuracy on this machine.",
        "models": "List the models that ship.",
        "data": "Fetch a data set, or look at one.",
    }
)
INTERRUPTED = 130
"""Exit code of a program stopped by Ctrl-C, as shells have it: 128 + SIGINT."""


class _LazyGroup(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(f"edgedigits.cli.{cmd_name}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        # click would import every command to ask for its summary.
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120})
@click.version_option(edgedigits.__version__, prog_name="edgedigits")
def cli() -> None:
    """Handwritten digits: train, export, prove, run and measure.

    \b
    Example:
      edgedigits predict seven.png

    Exit codes: 0 done, 1 the check that was asked for failed, 2 the input or the call is wrong.
    """


def main() -> None:
    """Run the command line."""
    run(cli)


def run(command: click.Command) -> None:
    """Run a command and exit: what people get wrong comes back as one line on stderr, without a traceback."""
    # A name that the terminal's, or a file's, encoding lacks a letter of is no reason to stop.
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        sys.exit(command.main(standalone_mode=False))
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        sys.exit(error.exit_code)
    except click.ClickException as error:
        _fail(error.format_message(), error.exit_code)
    except EdgeDigitsError as error:
        _fail(str(error), error.exit_code)
    except OSError as error:
        # Where standard output failed, what it still holds would fail once more at exit.
        with contextlib.suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        _fail(str(error), OutputError.exit_code)
    except (click.Abort, KeyboardInterrupt):
        _fail("stopped", INTERRUPTED)


def _fail(message: str, code: int) -> None:
    note(f"edgedigits: {message}")
    sys.exit(code)
