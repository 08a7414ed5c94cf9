#!/bin/sh
# Makes a release: programs, archives, checksums, SBOM and krew manifests.
#
# Usage: release.sh [--rehearse] [--out DIRECTORY] [PLATFORM...]
#
# A PLATFORM is OS_ARCH. Without one, those are built that can be linked here: all
# but macOS, and on macOS its two. The same commit, toolchain and platform give the
# same bytes (release/reproduce.sh). --rehearse does not insist on a clean tree and a
# changelog; what it makes must not be published.
set -eu

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
cd "$root"
version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
out=$root/dist
rehearse=no

refuse() {
    if [ "$rehearse" = yes ]; then
        echo "release.sh: rehearsal goes on although $1" >&2
    else
        echo "release.sh: $1" >&2
        exit 1
    fi
}

while [ $# -gt 0 ]; do
    case $1 in
    --rehearse) rehearse=yes ;;
    --out) out=$2 && shift ;;
    -*) echo "release.sh: unknown flag $1" >&2 && exit 2 ;;
    *) break ;;
    esac
    shift
done
if [ $# -eq 0 ]; then
    case $(uname -s) in
    Darwin) set -- darwin_amd64 darwin_arm64 ;;
    *) set -- linux_amd64 linux_arm64 windows_amd64 ;;
    esac
fi

target_of() {
    case $1 in
    linux_amd64) echo x86_64-unknown-linux-musl ;;
    linux_arm64) echo aarch64-unknown-linux-musl ;;
    windows_amd64) echo x86_64-pc-windows-gnu ;;
    darwin_amd64) echo x86_64-apple-darwin ;;
    darwin_arm64) echo aarch64-apple-darwin ;;
    *) echo "release.sh: unknown platform $1" >&2 && exit 2 ;;
    esac
}

# Before anything is built.
targets=
for platform in "$@"; do
    target=$(target_of "$platform")
    targets="$targets $target"
done
[ -z "$(git status --porcelain)" ] || refuse "the tree has changes that are not committed"
grep -q "^## \[\{0,1\}$version\]\{0,1\}" CHANGELOG.md || refuse "CHANGELOG.md has no section for $version"
[ -z "$(git tag --list "v$version")" ] || [ "$(git rev-list -n 1 "v$version")" = "$(git rev-parse HEAD)" ] ||
    refuse "the tag v$version is on another commit"

build=${CARGO_TARGET_DIR:-$root/target}/release-build
tools=${RELEASE_TOOLS:-${CARGO_TARGET_DIR:-$root/target}/release-tools}
# shellcheck disable=SC2086 # one word each
sh release/tools.sh "$tools" $targets

# Nothing of this machine in the bytes: no time, no path.
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
sysroot=$(rustc --print sysroot)
cargo_home=${CARGO_HOME:-$HOME/.cargo}
RUSTFLAGS="--remap-path-prefix=$root=/kubectl-upgrade --remap-path-prefix=$build=/build"
RUSTFLAGS="$RUSTFLAGS --remap-path-prefix=$cargo_home=/cargo --remap-path-prefix=$sysroot=/rust"
CFLAGS="-ffile-prefix-map=$build=/build -ffile-prefix-map=$cargo_home=/cargo"
PATH=$tools/venv/bin:$tools/bin:$PATH
export SOURCE_DATE_EPOCH RUSTFLAGS CFLAGS PATH

rm -rf "$out"
mkdir -p "$out"
out=$(CDPATH='' cd -- "$out" && pwd)

# Apple's linker and SDK are on macOS only; zig serves the others.
build_for() {
    case $1 in
    *-apple-darwin) command=build ;;
    *) command=zigbuild ;;
    esac
    cargo "$command" --locked --quiet --profile dist --bin kubectl-upgrade --target "$1" --target-dir "$build"
}

for platform in "$@"; do
    target=$(target_of "$platform")
    build_for "$target"
    program=$build/$target/dist/kubectl-upgrade
    case $platform in windows_*) program=$program.exe ;; esac
    sh release/archive.sh "$program" "$out/kubectl-upgrade_v${version}_$platform.tar.gz"
    printf '%s: program %s bytes, archive %s bytes\n' "$platform" "$(wc -c <"$program" | tr -d ' ')" \
        "$(wc -c <"$out/kubectl-upgrade_v${version}_$platform.tar.gz" | tr -d ' ')"
done

# Of all platforms; cargo-cyclonedx writes it beside Cargo.toml.
cargo cyclonedx --quiet --format json --spec-version 1.5 --no-build-deps --target all --override-filename sbom
sed "s#path+file://$root#path+file:///kubectl-upgrade#" sbom.json >"$out/kubectl-upgrade_v$version.cdx.json"
rm sbom.json

sh krew/manifests.sh "$out/plugins" "$out"/*.tar.gz
(
    cd "$out"
    if command -v sha256sum >/dev/null 2>&1; then sha256sum -- *.tar.gz *.json; else shasum -a 256 -- *.tar.gz *.json; fi >SHA256SUMS
    cat SHA256SUMS
)
[ "$rehearse" = no ] || echo "This was a rehearsal: do not publish $out."
