# What a person can do here: `make help`.
.DEFAULT_GOAL := help
SHELL := /bin/bash
NODE_TEST := node --import tsx --test --test-reporter=spec
# Everything but the emulated machines and the floods, which want the processors for themselves, and the first-boot scripts.
TESTS = $(shell find test -name '*.test.ts' -not -path 'test/boot/*' -not -path 'test/firstboot/*' -not -path 'test/fuzz/*' | sort)
SHELL_FILES = $(shell git ls-files --cached --others --exclude-standard | xargs grep -sHnE -m1 '^\#!.*\b(sh|bash|dash)$$' | sed -n 's/:1:.*//p' | sort -u)
# What a Node release could change: the language, its sockets, its files, its SQLite. Daemons and databases are the same.
NODE_TESTS = $(filter test/unit/% test/database/store.test.ts test/protocol/http.test.ts test/protocol/tftp.test.ts test/protocol/dhcp-door.test.ts test/protocol/thin-path.test.ts,$(TESTS))
# Firmware and loaders that only the corpus of DHCP requests is taken from.
CAPTURED := ovmf-ia32 qemu-system-arm qemu-efi-aarch64 grub-efi-amd64-bin grub-pc-bin
DEMO := .demo

.PHONY: help demo test test-fast test-nodes boot capture-dhcp fuzz soak bench bench-xen pictures check lint types format shellcheck fix build clean packages

help: ## list what can be done
	@awk -F':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: node_modules/.installed ## the sample farm on SQLite, served on loopback; says what to open and try
	@scripts/demo.sh $(DEMO)

test: packages node_modules/.installed ## install what tests need, then run all of them, emulated machines included
	$(NODE_TEST) --test-concurrency=2 $(TESTS)
	$(NODE_TEST) --test-concurrency=1 test/fuzz/*.test.ts
	$(NODE_TEST) --test-concurrency=2 test/firstboot/*.test.ts
	$(NODE_TEST) --test-concurrency=1 test/boot/*.test.ts

test-fast: node_modules/.installed ## all tests but the emulated machines, the floods and the first-boot scripts
	$(NODE_TEST) --test-concurrency=2 $(TESTS)

test-nodes: packages node_modules/.installed ## the same on the other Node releases we support
	scripts/test-nodes.sh $(NODE_TESTS)

boot: packages node_modules/.installed ## boot emulated machines from the real server: BIOS, UEFI, a Xen Dom0 and its guests
	$(NODE_TEST) --test-concurrency=1 test/boot/*.test.ts

capture-dhcp: packages node_modules/.installed ## capture anew what real DHCP clients send; writes test/corpus/dhcp
	@scripts/packages.sh $(CAPTURED)
	node --import tsx test/corpus/take.ts

fuzz: packages node_modules/.installed ## shoot at a real server and ask as a good client in between, on and on; SEED=number MINUTES=number DHCP_MODE=proxy
	@unshare --net node --import tsx test/fuzz/fuzz.ts $(FILES)

soak: packages node_modules/.installed ## an hour of a farm's life against one server, MINUTES=number for another time; writes docs/soak.md
	@unshare --net node --import tsx test/soak/soak.ts

bench: packages node_modules/.installed build ## measure us and the peer in one run; writes docs/benchmarks.md
	@scripts/bench.sh

bench-xen: packages node_modules/.installed ## time guests' installs on an emulated Xen Dom0, one and many; writes docs/benchmarks.md
	node --import tsx test/boot/xen-timing.ts

pictures: packages node_modules/.installed ## take the pictures of the pages anew; writes docs/pictures
	node --import tsx test/browser/pictures.ts docs/pictures
	node --import tsx test/docs/pictures.ts

check: node_modules/.installed types lint format shellcheck ## types, lint, format, shell scripts

types:
	npx tsc -p tsconfig.json

lint:
	npx eslint --max-warnings 0 .

format:
	npx prettier --check --log-level warn .

shellcheck:
	@command -v shellcheck >/dev/null || scripts/packages.sh shellcheck
	shellcheck $(SHELL_FILES)

fix: node_modules/.installed ## format, and mend what the linter can
	npx prettier --write --log-level warn .
	npx eslint --fix .

build: node_modules/.installed ## compile the package into dist/
	npm run --silent build

clean: ## remove what was built, and the demo
	rm -rf dist coverage $(DEMO)

packages:
	@scripts/packages.sh

node_modules/.installed: package.json package-lock.json
	PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD=1 npm ci --no-audit --no-fund --loglevel=error
	@touch $@
