#!/bin/sh
# Writes the krew manifests of the three plugins, all from the template below.
#
# Usage: manifests.sh OUTPUT_DIR [ARCHIVE...]
#
# An ARCHIVE is called kubectl-upgrade_VERSION_OS_ARCH.tar.gz; its checksum and its
# platform go into each manifest. Without archives, all platforms of a release are
# listed with the checksum 0: that is the draft in this folder.
#
# BASE_URL is the address below which the archives can be downloaded.
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
root=$here/..
output=$1
shift

cargo_field() {
    sed -n "s/^$1 = \"\(.*\)\"/\1/p" "$root/Cargo.toml" | head -n 1
}

# The name of a plugin, from the one place that has it.
name_of() {
    sed -n "/^macro_rules! $1_name/,/^}/s/^ *\"\(.*\)\"/\1/p" "$root/src/text/names.rs"
}

sha256() {
    if command -v sha256sum >/dev/null 2>&1; then sha256sum "$1"; else shasum -a 256 "$1"; fi | cut -d ' ' -f 1
}

version=v$(cargo_field version)
homepage=$(cargo_field repository)
base_url=${BASE_URL:-$homepage/releases/download/$version}

# platform OS ARCH FILE CHECKSUM
platform() {
    bin=kubectl-upgrade
    [ "$1" != windows ] || bin=kubectl-upgrade.exe
    cat <<EOF
  - selector:
      matchLabels:
        os: $1
        arch: $2
    uri: $base_url/$3
    sha256: $4
    files:
    - from: $bin
      to: .
    - from: LICENSE
      to: .
    bin: $bin
EOF
}

platforms() {
    draft=no
    if [ $# -eq 0 ]; then
        draft=yes
        for pair in linux_amd64 linux_arm64 darwin_amd64 darwin_arm64 windows_amd64; do
            set -- "$@" "kubectl-upgrade_${version}_$pair.tar.gz"
        done
    fi
    for archive in "$@"; do
        file=$(basename "$archive")
        pair=${file#"kubectl-upgrade_${version}_"}
        pair=${pair%.tar.gz}
        case $pair in
        *_*_* | *[!a-z0-9_]* | _* | *_) pair= ;;
        *_*) ;;
        *) pair= ;;
        esac
        if [ -z "$pair" ]; then
            echo "manifests.sh: $file is not an archive of $version" >&2
            exit 1
        fi
        if [ $draft = yes ]; then
            checksum=0000000000000000000000000000000000000000000000000000000000000000
        else
            [ -f "$archive" ] || exit 1
            checksum=$(sha256 "$archive")
        fi
        platform "${pair%_*}" "${pair#*_}" "$file" "$checksum"
    done
}

# manifest NAME SHORT_DESCRIPTION DESCRIPTION
manifest() {
    name=$1 short=$2 description=$3
    file=$(echo "$name" | tr - _)
    cat <<EOF
# Made by krew/manifests.sh; do not edit.
apiVersion: krew.googlecontainertools.github.com/v1alpha2
kind: Plugin
metadata:
  name: $name
spec:
  version: $version
  homepage: $homepage
  shortDescription: $short
  description: |
$(echo "$description" | sed 's/^/    /')
  caveats: |
    To complete arguments with the TAB key (kubectl 1.26 or later), add a link in a
    directory on your PATH that is not krew's:

      ln -s "\$(command -v kubectl-$file)" /usr/local/bin/kubectl_complete-$file
  platforms:
$platforms
EOF
}

check=$(name_of check)
plan=$(name_of plan)
watch=$(name_of watch)
platforms=$(platforms "$@")

mkdir -p "$output"
manifest "$check" "Check whether a cluster is ready to upgrade" \
    "Reports which objects, charts and clients would break in an upgrade of
Kubernetes or of a platform on it, who owns the fix, and what could not be
inspected. It only reads. The same project has $plan and
$watch." >"$output/$check.yaml"
manifest "$plan" "Print the upgrade runbook of a cluster" \
    "Prints the supported hops to the target and their steps in order, each with
its state, its commands with the names of the cluster, what blocks it, and how
to verify that it is done. It only reads. The same project has
$check and $watch." >"$output/$plan.yaml"
manifest "$watch" "Follow an upgrade until it is done" \
    "Follows an upgrade that another tool or person runs: how far it is, when it
will be done, and what it waits for. It only reads. The same project has
$check and $plan." >"$output/$watch.yaml"
