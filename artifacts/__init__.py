"""The models that ship, one folder each: `model.onnx`, `model.safetensors` and their card, `README.md`."""
