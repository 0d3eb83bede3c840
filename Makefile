# `make test` is everything that runs without AWS. It needs Docker, Go 1.26, Terraform 1.11 or later, and a shell.
# The parts don't need each other: two run at a time, so that one works while the other waits. First what fails soonest, then
# what takes longest. `make -j1 test` runs one after the other; `make --output-sync test` keeps the lines of each together, and
# shows them when it ended.
MAKEFLAGS += --jobs=2

# The docker program. It is asked for by this name everywhere.
DOCKER ?= docker
export DOCKER

actionlint  := github.com/rhysd/actionlint/cmd/actionlint@v1.7.12
staticcheck := honnef.co/go/tools/cmd/staticcheck@v0.7.0
tflint      := github.com/terraform-linters/tflint@v0.64.0

# How many runs of Terraform the tests of the lease kill, and how many pairs of runs they let meet.
KILLS ?= 4
PAIRS ?= 4

# The rehearsal has two halves, each with an environment of its own. These tests are one, and all others the
# other; the search for secrets is in both.
infrastructure := Bootstrap|Roles|Locks|Plan|Terraform|Infrastructure|Drift|Destroy
rehearse       := go test -tags rehearsal -count 1 -timeout 45m -v ./pipeline/rehearsal

.DEFAULT_GOAL := help
.PHONY: help test unit lint terraform blog rehearsal deployments infrastructure locks engine bench

help: ## Show this list
	@sed -n 's/^\([a-z]*\):.* ## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 22

test: unit lint deployments infrastructure locks terraform blog engine ## Run every part below
	@echo "make test: all parts passed"

unit: ## Go: vet and unit tests, in seconds
	go vet ./...
	go vet -tags rehearsal ./...
	go -C .dagger vet ./...
	go test ./...

lint: ## Go's format, staticcheck, actionlint
	@unformatted=$$(gofmt -l *.go pipeline .dagger/*.go); \
	if [ -n "$$unformatted" ]; then echo "lint: not formatted, run gofmt -w: $$unformatted"; exit 1; fi
	go run $(staticcheck) -tags rehearsal ./...
	go run $(actionlint)

terraform: ## Terraform: format, validation, its tests, tflint
	@copy=$$(mktemp -d) && trap 'rm -rf "$$copy"' EXIT && cp -R terraform/. "$$copy" && cd "$$copy" && \
	terraform fmt -check -recursive && \
	terraform init -backend=false -input=false >/dev/null && \
	terraform validate && \
	terraform test && \
	go run $(tflint) --recursive

blog: ## The blog: lint, tests against a real MySQL, one test in a browser, the production image
	blog/test

# What these cost is mostly Terraform's provider, which takes a seventh less of the processors when it collects its
# garbage more rarely.
deployments infrastructure locks: export GOGC = 400

rehearsal: deployments infrastructure ## The whole chain on an emulator, with real Terraform, containers and MySQL

deployments: ## Its half about the application: faults, crash loops, trouble with AWS's calls
	$(rehearse) -skip '$(infrastructure)'

infrastructure: ## Its half about Terraform: plans, drift, destroy, bootstrap
	$(rehearse) -run '$(infrastructure)|SecretsAppearNowhere'

locks: ## Runs of Terraform that are killed, and that meet; more of them with KILLS=100 PAIRS=50
	go test -tags rehearsal -count 1 -timeout 120m -v ./pipeline/rehearsal/lock -kills $(KILLS) -pairs $(PAIRS)

engine: ## The Dagger functions, where a Dagger engine answers
	tests/run

bench: ## What the program adds to Terraform's own time
	go test -tags rehearsal -count 1 -timeout 30m -run '^$$' -bench . -benchtime 5x ./pipeline/rehearsal
