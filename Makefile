.PHONY: demo test nightly check bench study fuzz clean
.DEFAULT_GOAL := help

help: ## this list
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

demo: ## a simulated rack goes from inventory to its certificate in three minutes; Ctrl-C ends it
	@deploy/dev/setup core
	@.venv/bin/rackproof demo $(ARGS)

test: ## everything the project checks about itself, with all it needs set up first
	@deploy/dev/setup dev
	@deploy/dev/services
	@PATH=$$PATH:/usr/sbin .venv/bin/python -m pytest -q -n auto --maxprocesses 4 --dist loadfile $(ARGS)

nightly: ## the same with every case: 100,000 of each property, 200 kills and more, whole plans; hours
	@RACKPROOF_NIGHTLY=1 RACKPROOF_EDITS=10000 $(MAKE) --no-print-directory test

check: ## format, lint, types and the arrows between packages
	@deploy/dev/setup dev
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	.venv/bin/mypy
	.venv/bin/pyright
	.venv/bin/lint-imports

bench: ## microseconds a reading, stage by stage, beside prometheus-snmp-exporter
	@deploy/dev/setup dev
	@.venv/bin/python -m bench.poll_path $(ARGS)

study: ## how surely and how soon simulated faults are found; writes docs/detection.md
	@deploy/dev/setup dev
	@.venv/bin/python -m bench.study $(ARGS)

fuzz: ## every decoder fed by a fuzzer, a minute each; ARGS="yaml --seconds 600"
	@deploy/dev/setup dev
	@.venv/bin/python -m fuzz $(ARGS)

clean: ## remove what the commands above made
	rm -rf .venv .demo .fuzz .pytest_cache .mypy_cache .ruff_cache .hypothesis
