"""`edgedigits models`."""

from __future__ import annotations

import click

from edgedigits.cli.options import as_json, echo_json
from edgedigits.models import DEFAULT_MODEL, model_names, shipped_file


@click.command()
@as_json
def command(as_json: bool) -> None:
    """List the models that ship, with what their cards say.

    \b
    Example:
      edgedigits models --json
    """
    from edgedigits.artifact import OnnxArtifact

    for name in model_names():
        content = shipped_file(name).read_bytes()
        card = OnnxArtifact(content, name).card
        if as_json:
            about = {
                "model": name,
                "default": name == DEFAULT_MODEL,
                "bytes": len(content),
                "precision": card.precision,
            }
            echo_json({**about, **card.accuracy.to_dict()})
        else:
            default = " (default)" if name == DEFAULT_MODEL else ""
            click.echo(
                f"{name}{default}: {len(content):,} bytes, "
                f"{100 * card.accuracy.accuracy:.2f}% on {card.accuracy.dataset}, "
                f"accepts {100 * card.accuracy.coverage:.1f}% with {card.accuracy.accepted_errors} errors among them"
            )
