#!/bin/sh
# Proves that a release is reproducible: makes it twice, from two clones in different
# places, each with a build directory of its own, and compares every byte.
#
# Usage: reproduce.sh [--rehearse] [PLATFORM...]     (as for release.sh)
set -eu

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
RELEASE_TOOLS=${RELEASE_TOOLS:-${CARGO_TARGET_DIR:-$root/target}/release-tools}
export RELEASE_TOOLS

for run in first a/longer/path/for/the/second; do
    git clone --quiet "$root" "$work/$run"
    (cd "$work/$run" && CARGO_TARGET_DIR=$work/$run/target sh release/release.sh --out "$work/out-$(basename "$run")" "$@")
    rm -rf "${work:?}/$run"
done
if diff -r "$work/out-first" "$work/out-second"; then
    echo "Both runs gave the same bytes."
else
    echo "reproduce.sh: the runs differ" >&2
    exit 1
fi
