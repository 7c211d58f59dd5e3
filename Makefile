# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

.DEFAULT_GOAL := help
.PHONY: help setup test test-quick demo bench soak lock clean
GATE := tests/gate

help: ## this list
	@echo "Usage: make TARGET"
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  \1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{printf "%-14s%s\n", $$1, $$2}'
	@echo "A step of the gate alone: $(GATE)/run STEP... (the names: $(GATE)/run --list)"

setup: ## make .venv and what else the repository needs; installs missing Debian packages
	@$(GATE)/setup

test: setup ## the whole gate: unit, sanity, lint, docs, molecule, integration, simulated Macs, build and install
	@$(GATE)/run --all

test-quick: setup ## unit tests and linters, under 2 minutes
	@$(GATE)/run --quick

demo: setup ## one fleet that fits, is built and runs jobs, one that is refused and why, on simulated Macs
	@exec tests/demo/demo

bench: setup ## the figures of speed, as ratios of one run
	@$(GATE)/bench

soak: setup ## the long versions of all proofs, resumable; choose with SOAK="--parts oracle --fleets 50000"
	@$(GATE)/soak $(SOAK)

lock: setup ## make the locks in tests/requirements anew
	@$(GATE)/lock

clean: ## remove everything that make made here, and what a killed run left
	@$(GATE)/clean
