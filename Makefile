# make test: everything. make check: what does not run the program. Both are what .ci/run calls.

CARGO ?= cargo

.PHONY: test check control-plane bench example lifecycle audit install

# What plain `cargo test` runs, then what takes minutes. The control plane is built if its sources changed.
test: control-plane
	$(CARGO) test
	$(CARGO) test --test real

control-plane:
	sh tests/control-plane/build.sh

# Measures on a large cluster and writes the tables of docs/performance.md. ARGS="--scale 0.1 --runs 1" is a quick look.
bench: control-plane
	$(CARGO) bench --bench large -- --write docs/performance.md $(ARGS)

# Format, lints, documentation; generated files are compared by the fast tests.
check:
	$(CARGO) fmt --check
	$(CARGO) clippy --all-targets -- --deny warnings
	$(CARGO) clippy --test real -- --deny warnings
	RUSTDOCFLAGS="--deny warnings" $(CARGO) doc --no-deps --document-private-items
	$(CARGO) test --test fast generated

# Records examples/shop.snapshot anew from a real control plane, and what is told of it.
example: control-plane
	UPDATE_EXAMPLE=1 $(CARGO) test --test real example
	UPDATE=1 $(CARGO) test --test fast

# Reads anew what upstream's own modules say about the life of their APIs; needs Go. A fast test compares our table.
lifecycle:
	cd tests/lifecycle && GOWORK=off go run . >upstream.new
	mv tests/lifecycle/upstream.new tests/fixtures/upstream-lifecycle.tsv

# Licences, sources and bans of everything we depend on, by deny.toml; needs cargo-deny, which takes minutes to build:
# cargo install cargo-deny --locked
audit:
	$(CARGO) deny check licenses bans sources

# Puts the plugins where kubectl finds them, under the names that it looks for, and links by which it asks for completion.
BINDIR ?= $(HOME)/.local/bin
install:
	$(CARGO) build --profile dist --bins
	mkdir -p $(BINDIR)
	for name in check plan; do \
		install -m 755 target/dist/kubectl-upgrade-$$name $(BINDIR)/kubectl-upgrade_$$name && \
		ln -sf kubectl-upgrade_$$name $(BINDIR)/kubectl_complete-upgrade_$$name || exit 1; \
	done
