#!/bin/sh
# Installs what a release needs beside Rust, into DIRECTORY: cargo-zigbuild with zig,
# which compiles and links for other platforms, and cargo-cyclonedx, which writes the
# SBOM. Versions are pinned, because other versions give other bytes.
#
# Usage: tools.sh DIRECTORY TARGET...     (TARGETs are Rust's names)
set -eu

directory=$1
shift

if [ ! -x "$directory/venv/bin/cargo-zigbuild" ]; then
    python3 -m venv "$directory/venv"
    "$directory/venv/bin/pip" install --quiet cargo-zigbuild==0.24.0 ziglang==0.17.1
fi
if [ ! -x "$directory/bin/cargo-cyclonedx" ]; then
    cargo install --quiet --locked --version 0.5.9 --root "$directory" cargo-cyclonedx
fi
rustup target add --toolchain "$(rustup show active-toolchain | cut -d ' ' -f 1)" "$@"
