.PHONY: demo test lint format results sprint typefaces models clean
.DELETE_ON_ERROR:

PYTHON ?= python3
BIN := .venv/bin
RUN := build/demo
RESULTS := bench/results
SEEDS := 1 2 3
TRAIN := $(BIN)/edgedigits train --device cpu --resume --json

demo: .venv/installed
	rm -rf $(RUN)
	$(BIN)/edgedigits data show --dataset synthetic --output $(RUN)/digits.png
	$(BIN)/edgedigits train --dataset synthetic --epochs 6 --output $(RUN)
	$(BIN)/edgedigits eval $(RUN) --dataset synthetic
	$(BIN)/edgedigits export $(RUN) --format all
	$(BIN)/edgedigits export $(RUN) --format onnx --precision int8
	$(BIN)/edgedigits verify $(RUN)/model.onnx
	$(BIN)/edgedigits models
	$(BIN)/edgedigits predict examples/*.png
	$(BIN)/edgedigits read examples/amounts
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

# Measures everything that the README states, on MNIST (EDGEDIGITS_DATA, or `edgedigits data fetch` first), with the
# models that ship. Takes some minutes. ELSEWHERE names the collections that `bench/elsewhere.py` reads, STRINGS those of
# whole amounts that `bench/strings.py` does.
results: .venv/installed
	rm -rf $(SEEDS:%=runs/paper-%)
	$(BIN)/edgedigits train --recipe paper --seeds 3 --device cpu --output runs/paper --json | grep history \
	    > $(RESULTS)/training.json
	$(BIN)/python -m edgedigits.export.ship runs/paper-1 artifacts/paper
	$(BIN)/python -m edgedigits.bench.formats > $(RESULTS)/formats.json
	$(BIN)/edgedigits bench --models nano,small,base,paper --json $(RESULTS)/front.json --plot $(RESULTS)/front.png
	$(BIN)/edgedigits bench --models small --json $(RESULTS)/bench.json
	$(BIN)/edgedigits bench --models paper,nano,small,base --runtimes onnxruntime --json - > $(RESULTS)/latency.json
	cat $(RESULTS)/training.json $(RESULTS)/trained.json $(RESULTS)/latency.json > $(RESULTS)/family.json
	for model in nano small base; do for max_error in 0.01 0.005 0.002 0.001; do \
	    $(BIN)/edgedigits eval $$model --max-error $$max_error --json || exit; \
	done; done > $(RESULTS)/trust.json
	$(BIN)/python -m edgedigits.bench.elsewhere $(ELSEWHERE) --sheets build/wrong > $(RESULTS)/elsewhere.json
	$(BIN)/python -m edgedigits.bench.strings $(STRINGS) --max-error 0.005 --sheets build/wrong > $(RESULTS)/strings.json
	$(BIN)/python -m edgedigits.bench.conditions > $(RESULTS)/pages.json
	$(BIN)/python -m edgedigits.bench.guest > $(RESULTS)/guest.json
	for model in small base; do \
	    $(BIN)/edgedigits eval $$model --output build/$$model > build/$$model.txt || exit; \
	    cp build/$$model/accepted_mistakes.png $(RESULTS)/accepted_mistakes_$$model.png; \
	done
	cp build/small/risk.png runs/paper-1/curve.png $(RESULTS)
	$(BIN)/python -m edgedigits.bench.tables README.md $(RESULTS)

# Time to accuracy, on the best device there is.
sprint: .venv/installed
	$(BIN)/python -m edgedigits.bench.sprint > $(RESULTS)/sprint.json
	$(BIN)/python -m edgedigits.bench.sprint --tutorial --seeds 3 --device cpu > $(RESULTS)/tutorial.json

# Installs the handwriting typefaces that `amount` learns from, with npm, beside MNIST: where EDGEDIGITS_DATA says.
TYPEFACES = $(or $(EDGEDIGITS_DATA),$(error set EDGEDIGITS_DATA to the folder that MNIST is in))/typefaces
typefaces:
	mkdir -p $(TYPEFACES)
	cp edgedigits/training/typefaces.json $(TYPEFACES)/package.json
	npm install --ignore-scripts --no-audit --no-fund --no-package-lock --prefix $(TYPEFACES)

# Trains the models that ship, where it has not been done yet, and ships them; `make typefaces` comes first. Takes hours
# on a CPU: one thread each, for the number of threads is a part of what decides the weights.
models: export OMP_NUM_THREADS = 1
models: .venv/installed
	$(TRAIN) --recipe teacher --seeds 3 --output runs/teacher > /dev/null
	$(TRAIN) --recipe base --seeds 3 --output runs/base > $(RESULTS)/trained.json
	$(BIN)/python -m edgedigits.export.ship runs/base-1 artifacts/base
	$(TRAIN) --recipe small --seeds 3 --output runs/small >> $(RESULTS)/trained.json
	$(BIN)/python -m edgedigits.export.ship runs/small-1 artifacts/small
	$(TRAIN) --recipe nano --seeds 3 --output runs/nano >> $(RESULTS)/trained.json
	$(BIN)/python -m edgedigits.export.ship runs/nano-1 artifacts/nano
	$(TRAIN) --recipe amount-first --output runs/amount-first > /dev/null
	$(TRAIN) --recipe amount-second --output runs/amount-second > /dev/null
	$(TRAIN) --recipe amount-third --output runs/amount-third > /dev/null
	$(TRAIN) --recipe amount-fourth --output runs/amount-fourth > /dev/null
	$(TRAIN) --recipe amount-fifth --output runs/amount-fifth > /dev/null
	$(TRAIN) --recipe amount-sixth --output runs/amount-sixth > /dev/null
	$(TRAIN) --recipe amount-seventh --output runs/amount-seventh > /dev/null
	$(TRAIN) --recipe amount-eighth --output runs/amount-eighth > /dev/null
	$(TRAIN) --recipe amount-ninth --output runs/amount-ninth > /dev/null
	$(TRAIN) --recipe amount --output runs/amount > /dev/null
	$(BIN)/python -m edgedigits.export.ship runs/amount artifacts/amount

clean:
	rm -rf build .venv

.venv/installed: pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --editable '.[dev]'
	touch $@
