# `make test` runs all tests, `make check` everything else; .ci/run calls both.

CARGO ?= cargo

.PHONY: test check control-plane bench example lifecycle facts audit install

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

# Installs the plugins (profile `dist`) under the names that kubectl looks for, with links for shell completion.
BINDIR ?= $(HOME)/.local/bin
install:
	$(CARGO) build --profile dist --bins
	mkdir -p $(BINDIR)
	for name in check plan watch; do \
		install -m 755 target/dist/kubectl-upgrade-$$name $(BINDIR)/kubectl-upgrade_$$name && \
		ln -sf kubectl-upgrade_$$name $(BINDIR)/kubectl_complete-upgrade_$$name || exit 1; \
	done
