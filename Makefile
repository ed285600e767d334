# Evenkeel. Plain `make` lists the targets.

SHELL     := /bin/bash
FUNCTIONS := build deployment drift healing ledger review rollout trail validation webhook

# The platform of the Lambda binaries: this machine's for the local cloud,
# linux/arm64 for `make deploy`.
LAMBDA_OS   ?= $(shell go env GOHOSTOS)
LAMBDA_ARCH ?= $(shell go env GOHOSTARCH)
GO_BUILD    := go build -ldflags "-s -w"

# Pinned, because the CDK CLI and the assembly that the CDK library writes must agree.
CDK_CLI  := aws-cdk@2.1148.1
GOLANGCI := github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0

# One set of build flags for binaries and tests, so that the SDK is compiled once;
# no paths and no commit in them, so that the same source gives the same bytes.
export CGO_ENABLED := 0
export GOFLAGS     := $(GOFLAGS) -trimpath -buildvcs=false

# The packages that import the CDK compile slowly and go last.
CDK_PACKAGES  = ./infra ./infra/construct ./infra/stack
FAST_PACKAGES = $(shell go list ./... | grep -vxE '.*/infra(/construct|/stack)?')
RACE_PACKAGES = ./events/... ./shared/... ./local/gateway/... ./local/simulator/... ./local/forge/... ./local/cloudtrail/...

.DEFAULT_GOAL := help
.PHONY: help demo test venv race check build lambdas cli synth bench parity parity-docs bench-validate deploy destroy clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: ## Run the main job on the local cloud, no AWS account needed (SYNTH=1 synthesises first)
	@echo "Evenkeel demo: building the functions and the CLI (the first time takes a few minutes)"
	@$(MAKE) --no-print-directory -j2 venv build
	@$(if $(SYNTH),$(MAKE) --no-print-directory synth)
	@build/evenkeel demo $(if $(SYNTH),--template cdk.out/evenkeel.template.json)

test: ## Run every test: unit, adapters, workflows, simulation, synthesis, binaries, end to end
	@echo "Evenkeel tests: about 18 minutes with warm caches on two processors, more with empty ones"
	@$(MAKE) --no-print-directory -j2 venv node_modules/.bin/cdk build
	@echo "== vet"; go vet $(FAST_PACKAGES)
	@echo "== unit, adapters, workflows, simulation, binaries, end to end"; EVENKEEL_TEST_COMPLETE=1 go test -count=1 -timeout 25m $(FAST_PACKAGES)
	@if command -v cc >/dev/null; then $(MAKE) --no-print-directory race; else echo "no C compiler: the race detector is left out"; fi
	@echo "== synthesis (compiling the CDK takes about two minutes)"; go test -count=1 $(CDK_PACKAGES)

check: ## Lint, and check that generated files are current
	@test -z "$$(gofmt -l $$(git ls-files '*.go'))" || { echo "run gofmt on:"; gofmt -l $$(git ls-files '*.go'); exit 1; }
	go generate ./events ./shared/schema ./shared/policy ./shared/risk ./shared/template/sam ./shared/validation/rules
	go run ./local/parity -docs docs/parity.md -section own $(PARITY_OWN)
	go test $(CDK_PACKAGES)
	@git diff --exit-code -- events shared infra/golden docs || { echo "a generated file was not current; commit what changed"; exit 1; }
	go run $(GOLANGCI) run ./...

venv:
	@go run ./local/venv/ensure

node_modules/.bin/cdk: # one of the real clients that the simulator is tested with
	@echo "  install $(CDK_CLI)"; npm install --no-save --no-package-lock --no-audit --no-fund --silent $(CDK_CLI)

race:
	@echo "== race detector"; CGO_ENABLED=1 go test -count=1 -race -skip 'TestCDK|TestAWSCLI|TestBoto3|TestBounds|TestBombs|TestHostileTexts|TestManySuppressions|TestThousand|TestMemory|EveryType|EveryChange|HostileTransforms|CompareHostile' $(RACE_PACKAGES)

build: lambdas cli ## Build the Lambda functions and the CLI into build/

lambdas: # one call compiles them side by side
	@echo "  compile functions: $(FUNCTIONS)"
	@GOOS=$(LAMBDA_OS) GOARCH=$(LAMBDA_ARCH) $(GO_BUILD) -tags lambda.norpc -o build/bin/ $(addprefix ./functions/,$(FUNCTIONS))
	@for f in $(FUNCTIONS); do mkdir -p build/lambda/$$f && { cmp -s build/bin/$$f build/lambda/$$f/bootstrap || cp -f build/bin/$$f build/lambda/$$f/bootstrap; } || exit 1; done

# Two programs of one package: evenkeel validates without the AWS SDK, whose
# start takes longer than a template; it hands every other command over.
cli:
	@echo "  compile cmd/evenkeel"
	@$(GO_BUILD) -tags validator -o build/evenkeel ./cmd/evenkeel
	@$(GO_BUILD) -o build/evenkeel-suite ./cmd/evenkeel

synth: lambdas ## Synthesise the CDK app into cdk.out/
	@echo "  synthesise infra (a first compile takes about two minutes)"; go build -o build/infra ./infra && build/infra

bench: build ## Print speed and size figures
	@for f in $(FUNCTIONS); do echo "$$(gzip -c build/lambda/$$f/bootstrap | wc -c) $$f"; done | awk '{printf "  zip of %-12s %5.1f MB (at most 10)\n", $$2, $$1/1048576}'
	go test -run '^$$' -bench . -benchmem ./shared/...
	go test -run '^$$' -bench . -benchtime 1x ./local/demo ./local/openings

PARITY_OWN := shared/validation/rules/testdata testdata/templates

parity: ## Compare with cfn-lint, rule by rule (CORPUS=folders of templates, FILTER=rule)
	@test -n "$(CORPUS)" || { echo "usage: make parity CORPUS=folder [FILTER=E3012]"; exit 1; }
	@go run ./local/parity $(if $(FILTER),-rule $(FILTER)) $(CORPUS)

parity-docs: ## Write docs/parity.md (CORPUS: also the part about public templates)
	@go run ./local/parity -docs docs/parity.md -section own $(PARITY_OWN)
	@$(if $(CORPUS),go run ./local/parity -docs docs/parity.md -section public $(CORPUS))

bench-validate: cli ## Measure the validator beside its peers (CORPUS=folder of templates)
	@test -n "$(CORPUS)" || { echo "usage: make bench-validate CORPUS=folder"; exit 1; }
	@go run ./local/parity/bench -cli build/evenkeel $(CORPUS)

deploy: ## Deploy to the AWS account of your credentials (needs Node and a bootstrapped account)
	@$(MAKE) --no-print-directory LAMBDA_OS=linux LAMBDA_ARCH=arm64 lambdas
	npx --yes $(CDK_CLI) deploy --all --require-approval broadening

destroy: venv ## Remove the suite from the AWS account of your credentials (tables and bucket are retained)
	@test "$(CONFIRM)" = evenkeel || { echo "This switches termination protection off and deletes the stacks. To go on: make destroy CONFIRM=evenkeel"; exit 1; }
	@for s in evenkeel-operations evenkeel-spoke evenkeel; do \
	  .venv/bin/aws cloudformation update-termination-protection --no-enable-termination-protection --stack-name $$s || echo "  $$s is not here"; done
	npx --yes $(CDK_CLI) destroy --all --force

clean: ## Stop the local cloud and remove everything that was built
	@if [ -x build/evenkeel ]; then build/evenkeel down; fi
	rm -rf build cdk.out .evenkeel .venv node_modules
