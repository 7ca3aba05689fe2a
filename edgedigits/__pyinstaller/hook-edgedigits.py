# ruff: noqa: N999 (the name is what PyInstaller looks for)
"""A frozen program has the runner and the models that ship, and nothing of what trains, exports and measures them."""

from PyInstaller.utils.hooks import collect_data_files

datas = collect_data_files("edgedigits.artifacts", includes=["*/*.onnx"])
hiddenimports = ["edgedigits.artifacts"]  # opened by its name
excludedimports = ["edgedigits.bench", "edgedigits.export", "edgedigits.training"]
