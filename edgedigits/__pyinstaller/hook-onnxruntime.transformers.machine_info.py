# ruff: noqa: N999 (the name is what PyInstaller looks for)
"""onnxruntime asks torch and TensorFlow for their versions, here alone: that is no reason to freeze them."""

excludedimports = ["tensorflow", "torch"]
