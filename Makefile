# Everything a person types. Each target is a script of scripts/, which says what it does while it does it.
# Overridable: LOCAL_DIR PORT_BASE SUBNET BRIDGE CACHE_DIR DEBIAN_MIRROR (see scripts/settings.sh).
.DEFAULT_GOAL := help
.PHONY: help demo up down status build test test-fast test-interrupt resilience lint format bench simulate clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: ## The whole journey, from nothing to a running tenant and back to nothing
	@scripts/demo

up: ## Start the local services and leave them running; writes .local/env
	@scripts/up && scripts/status

down: ## Stop them, and everything they started
	@scripts/stop

status: ## What runs, and how to look around
	@scripts/status

build: ## Build every program in release, and the tenant agent as one file
	@scripts/build

test: ## Every test, with the journey on real instances
	@scripts/test

test-fast: ## The tests without Docker and crash matrices, in debug; SUITES=RolloutTests: these alone
	@scripts/test-fast $(if $(SUITES),--filter '$(SUITES)')

test-interrupt: ## Kill a run of every kind at random moments: nothing of it may stay
	@scripts/test-interrupt

resilience: ## Every crash point and every fault, instead of the sample of make test
	@scripts/resilience

lint: ## swift format, shellcheck, and the rules of the house
	@scripts/lint

format: ## Let swift format rewrite the sources
	@swift format --in-place --recursive --parallel Package.swift Sources Tests

bench: ## Print the figures of the README
	@scripts/bench

simulate: ## Run 100 seeds of a simulated world, and one of 10,000 tenants
	@scripts/simulate

clean: ## Stop everything and remove .local and the builds
	@scripts/stop --runs && rm -rf .local .build
