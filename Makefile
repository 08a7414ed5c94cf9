# `make test` runs all tests, `make check` everything else; .ci/run calls both.

CARGO ?= cargo

.PHONY: test check control-plane bench example lifecycle facts audit install uninstall release reproduce

# Plain `cargo test`, then the tests that take minutes. Builds the control plane if its sources changed.
test: control-plane
	$(CARGO) test
	$(CARGO) test --test real

control-plane:
	sh tests/control-plane/build.sh

# Benchmarks a large cluster (profile `release`) and writes the tables of docs/performance.md.
# ARGS="--scale 0.1 --runs 1" gives a quick estimate.
bench: control-plane
	$(CARGO) bench --bench large -- --write docs/performance.md $(ARGS)

# Format, lints, documentation and generated files.
check:
	$(CARGO) fmt --check
	$(CARGO) clippy --all-targets -- --deny warnings
	$(CARGO) clippy --test real -- --deny warnings
	RUSTDOCFLAGS="--deny warnings" $(CARGO) doc --no-deps --document-private-items
	$(CARGO) test --test fast generated

# Re-records examples/ from real control planes, and the golden files made from it.
example: control-plane
	UPDATE_EXAMPLE=1 $(CARGO) test --test real example::
	UPDATE_EXAMPLE=1 $(CARGO) test --test real fleet::managed_clusters
	UPDATE_EXAMPLE=1 $(CARGO) test --test real kyma::
	UPDATE_EXAMPLE=1 $(CARGO) test --test real watch::to_the_end
	UPDATE=1 $(CARGO) test --test fast --test golden

# Re-reads API lifecycles, their fields and feature gates from the upstream modules; needs Go. Fast tests compare them with our tables.
lifecycle:
	cd tests/lifecycle && GOWORK=off go run . >upstream.new
	mv tests/lifecycle/upstream.new tests/fixtures/upstream-lifecycle.tsv
	cd tests/lifecycle && GOWORK=off go run . gates >upstream.new
	mv tests/lifecycle/upstream.new tests/fixtures/upstream-gates.tsv
	cd tests/lifecycle && GOWORK=off go run . fields >upstream.new
	mv tests/lifecycle/upstream.new tests/fixtures/upstream-fields.tsv

# Regenerates what can be generated from upstream's modules and compares it with the tables; docs/facts.md lists what a person
# must read.
facts: lifecycle
	$(CARGO) test --test fast lifecycle
	$(CARGO) test --test fast fields
	git --no-pager diff --stat -- tests/fixtures
	@echo "Read the other sources again: docs/facts.md"

# Checks licences, bans and sources of all dependencies against deny.toml; needs cargo-deny, which takes minutes to
# build: cargo install cargo-deny --locked
audit:
	$(CARGO) deny check licenses bans sources

# Installs the plugins (profile `dist`): one program, and links under the names that kubectl looks for, with underscores for
# `kubectl upgrade-check`, with dashes for `kubectl upgrade check`, and those for completion; and the man pages.
# PROGRAM=FILE installs one that is built already.
PREFIX ?= $(HOME)/.local
BINDIR ?= $(PREFIX)/bin
MANDIR ?= $(PREFIX)/share/man/man1
PROGRAM ?= $(or $(CARGO_TARGET_DIR),target)/dist/kubectl-upgrade
NAMES = $(shell sed -n 's/^ *"\(.*\)"$$/\1/p' src/text/names.rs)
LINKS = kubectl_complete-upgrade $(foreach name,$(NAMES),kubectl-$(name) kubectl-$(subst -,_,$(name)) kubectl_complete-$(name) kubectl_complete-$(subst -,_,$(name)))

install: $(PROGRAM)
	mkdir -p "$(BINDIR)" "$(MANDIR)"
	install -m 755 "$(PROGRAM)" "$(BINDIR)/kubectl-upgrade"
	for link in $(LINKS); do ln -sf kubectl-upgrade "$(BINDIR)/$$link" || exit 1; done
	install -m 644 docs/man/*.1 "$(MANDIR)"

# Removes what `make install` with the same BINDIR and MANDIR has put there, and nothing else.
uninstall:
	for link in $(LINKS); do \
		case "$$(readlink "$(BINDIR)/$$link")" in kubectl-upgrade) rm "$(BINDIR)/$$link" ;; esac || exit 1; \
	done
	rm -f "$(BINDIR)/kubectl-upgrade"
	for page in docs/man/*.1; do rm -f "$(MANDIR)/$${page##*/}"; done

ifeq ($(PROGRAM),$(or $(CARGO_TARGET_DIR),target)/dist/kubectl-upgrade)
.PHONY: $(PROGRAM)
$(PROGRAM):
	$(CARGO) build --locked --profile dist --bin kubectl-upgrade
endif

# Makes a release in dist/: see docs/release.md. ARGS="--rehearse linux_amd64" tries it out.
release:
	sh release/release.sh $(ARGS)

# Makes one twice and compares the bytes; takes tens of minutes. ARGS as for release.
reproduce:
	sh release/reproduce.sh $(ARGS)
