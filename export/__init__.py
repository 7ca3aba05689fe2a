"""Deployment: one module per format, one parity gate for all of them."""

from edgedigits.export.formats import FORMATS, Format, find_format

__all__ = ["FORMATS", "Format", "find_format"]
