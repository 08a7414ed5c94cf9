#!/bin/sh
# Packs the archive of one platform. The same files give the same bytes.
#
# Usage: archive.sh PROGRAM ARCHIVE
#
# SOURCE_DATE_EPOCH is the time of everything in it, TAR is GNU tar, GZIP_LEVEL is
# -9 unless set.
set -eu

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
program=$1
archive=$2

case $program in
*.exe) name=kubectl-upgrade.exe ;;
*) name=kubectl-upgrade ;;
esac
stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
mkdir "$stage/man1"
cp "$program" "$stage/$name"
cp "$root/LICENSE" "$root/README.md" "$root/CHANGELOG.md" "$stage"
cp "$root"/docs/man/*.1 "$stage/man1"
chmod 755 "$stage" "$stage/man1" "$stage/$name"
chmod 644 "$stage"/*.md "$stage/LICENSE" "$stage"/man1/*
(cd "$stage" && "${TAR:-tar}" --create --format=ustar --sort=name --mtime="@${SOURCE_DATE_EPOCH:-0}" \
    --owner=0 --group=0 --numeric-owner --hard-dereference -- *) | gzip -n "${GZIP_LEVEL:--9}" >"$archive"
