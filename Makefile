# Everything runs inside a virtual environment that this file makes: nothing is installed elsewhere.
# PYTHON: the first that runs, asked only when the environment is made.
PYTHON ?= $(shell for p in python3.11 python3.12 python3.13 python3; do $$p -c "" 2> /dev/null && echo $$p && break; done)
VENV   := .venv
BIN    := $(VENV)/bin
PRESET ?= projected
JOBS   ?= 2
GRID   ?= ablation

export PATH := $(CURDIR)/$(BIN):$(PATH)
export PYTHONHASHSEED := 0
# Threads that wait for each other by spinning slow everything down as soon as two jobs share a core.
export OMP_WAIT_POLICY := PASSIVE
export OPENBLAS_NUM_THREADS := 1

.DEFAULT_GOAL := help
.PHONY: help book pdf check links test study ablation lint pairs instrument clean

help: ## Show this list
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-8s %s\n", $$1, $$2}'

$(VENV)/installed: requirements.lock pyproject.toml .ci/environment.py
	@python="$(PYTHON)"; "$${python:-false}" -c "" 2> /dev/null || \
	  { echo "$${python:-Python} does not run here: name a Python of 3.11 or newer, e.g. make PYTHON=python3.12"; exit 1; }; \
	  "$$python" .ci/environment.py $(VENV)

book: $(VENV)/installed ## Execute the notebooks and build the report into _build/html
	@snakemake --snakefile book/Snakefile --cores $(JOBS) --quiet rules
	@echo "The report is ready: open $(CURDIR)/_build/html/index.html"

# Fonts of the PDF, the accessibility checker: what npm has and PyPI has not.
WEB := web/node_modules/.package-lock.json
$(WEB): web/package-lock.json
	@command -v npm >/dev/null || { echo "npm not found: install Node.js, which brings it"; exit 1; }
	npm ci --prefix web --ignore-scripts --no-audit --no-fund --silent
	@touch $@

pdf: book $(WEB) ## Print the report as a book into _build/report.pdf (needs Chromium and npm)
	@jupyter-book build . --builder custom --custom-builder singlehtml --quiet > _build/logs/singlehtml.log 2>&1 \
	  || { tail -n 30 _build/logs/singlehtml.log; exit 1; }
	@python book/pdf.py _build/singlehtml -o _build/report.pdf
	@echo "The report is ready to print: $(CURDIR)/_build/report.pdf"

check: book $(WEB) ## Look at every page in a browser, as phone and laptop, light and dark (needs Chromium and npm)
	@python book/check.py _build/html

links: book ## Ask other sites whether the links to them still lead somewhere
	jupyter-book build . --builder linkcheck

test: $(VENV)/installed ## Run the tests
	OMP_NUM_THREADS=1 pytest --numprocesses $(JOBS) --dist loadfile

lint: $(VENV)/installed ## Check style
	ruff check . && ruff format --check .

pairs: $(VENV)/installed ## Bring the two halves of each notebook into step
	jupytext --sync notebooks/*.py

JSPSYCH := m2l/people/instrument/jspsych
instrument: $(WEB) ## Copy jsPsych and its plugins from npm to the participant's page, as web/package.json pins them
	cp web/node_modules/jspsych/dist/index.browser.min.js $(JSPSYCH)/jspsych.js
	for p in html-button-response audio-button-response survey-html-form preload; do \
	  cp web/node_modules/@jspsych/plugin-$$p/dist/index.browser.min.js $(JSPSYCH)/$$p.js; done
	cd $(JSPSYCH) && sha256sum *.js > SHA256SUMS

study: $(VENV)/installed ## Rebuild results/ from M2L_DATA; without a GPU PRESET=projected-laptop, for a try PRESET=smoke
	@test -n "$$M2L_DATA" || { echo "M2L_DATA is not set: name the folder that holds music/ and images/, e.g. make study M2L_DATA=~/corpora"; exit 2; }
	@mkdir -p runs/$(PRESET) && { test -f runs/$(PRESET)/started || touch runs/$(PRESET)/started; }
	snakemake --cores $(JOBS) --config preset=$(PRESET)

ablation: $(VENV)/installed ## Train and measure variants and seeds, or go on with that (GRID=ablation64)
	@test -n "$$M2L_DATA" || { echo "M2L_DATA is not set: name the folder that holds music/ and images/, e.g. make ablation M2L_DATA=~/corpora"; exit 2; }
	snakemake ablation --cores $(JOBS) --config grid=$(GRID) --rerun-triggers mtime --keep-going

clean: ## Remove what was built, keep the environment and the runs
	rm -rf _build book/executed .snakemake
