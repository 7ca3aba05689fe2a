"""Data sets, networks, recipes, the training loop and evaluation: from digits to a checkpoint.

`data`, `synthetic`, `folder` and `evaluation` work on the base install; the rest needs the extra `train`.
"""
