.PHONY: demo test lint format results clean
.DELETE_ON_ERROR:

PYTHON ?= python3
BIN := .venv/bin
RUN := build/demo
RESULTS := bench/results
SEEDS := 1 2 3

demo: .venv/installed
	rm -rf $(RUN)
	$(BIN)/edgedigits data show --dataset synthetic --output $(RUN)/digits.png
	$(BIN)/edgedigits train --dataset synthetic --epochs 6 --output $(RUN)
	$(BIN)/edgedigits eval $(RUN) --dataset synthetic
	$(BIN)/edgedigits export $(RUN) --format onnx
	$(BIN)/edgedigits export $(RUN) --format torchscript
	$(BIN)/edgedigits verify $(RUN)/model.onnx
	$(BIN)/edgedigits models
	$(BIN)/edgedigits predict examples/*.png
	$(BIN)/edgedigits bench --models $(RUN),paper --plot $(RUN)/bench.png
	@echo "Done: the run and its pictures are in $(RUN)."

test: .venv/installed
	$(BIN)/pytest -m "not slow"

lint: .venv/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	# mypy sees export/ and bench/ under their import names only where the package is laid out as it is installed.
	rm -rf build/types
	$(BIN)/pip install --quiet --no-deps --no-build-isolation --target build/types .
	cd build/types && ../../$(BIN)/mypy --config-file ../../pyproject.toml -p edgedigits

format: .venv/installed
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# Measures everything that the README states, on MNIST (EDGEDIGITS_DATA, or `edgedigits data fetch` first), and trains
# the model that ships. Takes some minutes.
results: .venv/installed
	rm -rf $(SEEDS:%=runs/paper-%)
	for seed in $(SEEDS); do \
	    $(BIN)/edgedigits train --recipe paper --seed $$seed --device cpu --output runs/paper-$$seed --json || exit; \
	done > $(RESULTS)/training.json
	$(BIN)/python -m edgedigits.export.ship runs/paper-1 artifacts/paper
	$(BIN)/edgedigits export paper --format torchscript --output build/paper.torchscript
	$(BIN)/edgedigits verify artifacts/paper/model.onnx --json > $(RESULTS)/parity.json
	$(BIN)/edgedigits verify build/paper.torchscript --json >> $(RESULTS)/parity.json
	$(BIN)/edgedigits bench --models paper --json $(RESULTS)/bench.json --plot $(RESULTS)/bench.png
	cp runs/paper-1/curve.png $(RESULTS)/curve.png
	$(BIN)/python -m edgedigits.bench.tables README.md $(RESULTS)

clean:
	rm -rf build .venv

.venv/installed: pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --editable '.[dev]'
	touch $@
