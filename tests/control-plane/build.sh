#!/bin/sh
# Builds the real control planes, helm, krew, kwok and the controllers of Cluster
# API for the tests from Go modules, into the target directory (CARGO_TARGET_DIR, or
# target/):
#
#   control-plane/v1.24.17/{etcd,kube-apiserver,...}   links to one binary
#   control-plane/v1.16.15/{etcd,kube-apiserver,...}   the same sources, reporting 1.16.15
#   control-plane/bin/{helm,krew,kwok}
#   control-plane/kwok-stages/                         how kwok simulates a kubelet
#   control-plane/bin/capi-{core,bootstrap,control-plane,infrastructure}
#   control-plane/capi-config/NAME/{crd,webhook}/      what each of them installs
#
# Usage: build.sh [--list] [COMPONENT...]     (a COMPONENT is a directory next to this file)
#
# Only components whose sources changed are built: a stamp next to the output
# holds their hash. Without Go, nothing is built and the tests that need a real
# cluster are skipped; if CI is set, that is an error.
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
target=${CARGO_TARGET_DIR:-$here/../../target}
mkdir -p "$target/control-plane"
out=$(CDPATH='' cd -- "$target/control-plane" && pwd)

sha256() {
    if command -v sha256sum >/dev/null 2>&1; then sha256sum; else shasum -a 256; fi
}

# The hash of everything a component is built from: its files, and the part of
# this script that builds it.
sources_hash() {
    {
        sed -n '/^# How to build/,/^# What to build/p' "$here/build.sh"
        [ "$1" != cluster-api ] || sed -n '/^build_cluster_api/,/^}/p' "$here/build.sh"
        cat "$here/$1/go.mod" "$here/$1/go.sum" "$here/$1"/*.go
    } | sha256 | cut -d ' ' -f 1
}

# How to build -----------------------------------------------------------------

# What the component's programs print as their version: an API server built
# without this calls itself v0.0.0-master+$Format:%H$.
version_flags() {
    minor=${1#v1.}
    minor=${minor%%.*}
    for package in k8s.io/component-base/version k8s.io/client-go/pkg/version; do
        printf ' -X %s=%s' \
            "$package.gitVersion" "$1" "$package.gitMajor" 1 "$package.gitMinor" "$minor" \
            "$package.gitTreeState" clean \
            "$package.gitCommit" 0000000000000000000000000000000000000000
    done
}

# go_build FOLDER OUTPUT PACKAGE [LINKER FLAGS]; go.mod is never changed.
go_build() {
    (cd "$here/$1" && GOWORK=off CGO_ENABLED=0 nice -n 5 go build -mod=readonly -trimpath \
        -buildvcs=false -ldflags "-s -w ${4:-}" -o "$2.new" "$3")
    mv -f "$2.new" "$2"
}

module_version() {
    sed -n "s#^require $2 ##p" "$here/$1/go.mod"
}

module_dir() {
    (cd "$here/$1" && GOWORK=off go list -mod=readonly -m -f '{{.Dir}}' "$2")
}

build_control_plane() {
    mkdir -p "$out/$1"
    go_build "$1" "$out/$1/control-plane" . "$(version_flags "$1")"
    for name in etcd genkey load informers kube-apiserver kube-controller-manager kube-scheduler kubectl; do
        rm -f "$out/$1/$name"
        if grep -q "\"$name\"" "$here/$1/main.go"; then
            ln -s control-plane "$out/$1/$name"
        fi
    done
}

build_helm() {
    mkdir -p "$out/bin"
    go_build helm "$out/bin/helm" helm.sh/helm/v3/cmd/helm \
        "-X helm.sh/helm/v3/internal/version.version=$(module_version helm helm.sh/helm/v3)"
}

build_kwok() {
    mkdir -p "$out/bin"
    go_build kwok "$out/bin/kwok" sigs.k8s.io/kwok/cmd/kwok
    stages=$(module_dir kwok sigs.k8s.io/kwok)/kustomize/stage
    rm -rf "$out/kwok-stages"
    cp -R "$stages" "$out/kwok-stages"
    chmod -R u+w "$out/kwok-stages" # the module cache is read-only
}

# What to build ----------------------------------------------------------------

# The infrastructure provider is the one that simulates machines in memory.
build_cluster_api() {
    mkdir -p "$out/bin"
    rm -rf "$out/capi-config"
    capi=sigs.k8s.io/cluster-api
    for provider in core:core bootstrap:bootstrap/kubeadm control-plane:controlplane/kubeadm \
        infrastructure:test/infrastructure/docker; do
        name=${provider%%:*}
        package=$capi/${provider#*:}
        case $name in
        infrastructure) folder=$(module_dir cluster-api $capi/test)/infrastructure/docker ;;
        *) folder=$(module_dir cluster-api $capi)/${provider#*:} ;;
        esac
        go_build cluster-api "$out/bin/capi-$name" "$package"
        mkdir -p "$out/capi-config/$name"
        cp -R "$folder/config/crd/bases" "$out/capi-config/$name/crd"
        cp -R "$folder/config/webhook" "$out/capi-config/$name/webhook"
    done
    chmod -R u+w "$out/capi-config" # the module cache is read-only
}

build_krew() {
    mkdir -p "$out/bin"
    go_build krew "$out/bin/krew" sigs.k8s.io/krew/cmd/krew
}

# The version that a second program of the same sources reports: platforms are tested
# on the Kubernetes of their day, of which there is no module to build from.
reported_version() {
    case $1 in
    v1.24.17) echo v1.16.15 ;;
    esac
}

build_reported() {
    mkdir -p "$out/$2"
    go_build "$1" "$out/$2/control-plane" . "$(version_flags "$2")"
    for name in etcd genkey kube-apiserver kubectl; do
        ln -sf control-plane "$out/$2/$name"
    done
}

# A component is fresh if its binaries exist and its stamp matches its sources.
is_fresh() {
    case $1 in
    v*) product=$out/$1/control-plane ;;
    cluster-api) product=$out/bin/capi-infrastructure ;;
    *) product=$out/bin/$1 ;;
    esac
    reported=$(reported_version "$1")
    [ -z "$reported" ] || [ -x "$out/$reported/control-plane" ] || return 1
    [ -x "$product" ] && [ -f "$out/$1.stamp" ] && [ "$(cat "$out/$1.stamp")" = "$(sources_hash "$1")" ]
}

build() {
    started=$(date +%s)
    hash=$(sources_hash "$1")
    rm -f "$out/$1.stamp"
    case $1 in
    v*)
        build_control_plane "$1"
        reported=$(reported_version "$1")
        [ -z "$reported" ] || build_reported "$1" "$reported"
        ;;
    cluster-api) build_cluster_api ;;
    *) "build_$1" ;;
    esac
    echo "$hash" >"$out/$1.stamp"
    echo "$1: built in $(($(date +%s) - started)) s"
}

list=no
if [ "${1:-}" = --list ]; then
    list=yes
    shift
fi
if [ $# -eq 0 ]; then
    for module in "$here"/*/go.mod; do
        set -- "$@" "$(basename "$(dirname "$module")")"
    done
fi

for component in "$@"; do
    if [ ! -f "$here/$component/go.mod" ]; then
        echo "build.sh: no component called $component" >&2
        exit 2
    fi
    if is_fresh "$component"; then
        [ "$list" = no ] || echo "$component: built"
    elif [ "$list" = yes ]; then
        echo "$component: to be built"
    elif command -v go >/dev/null 2>&1; then
        build "$component"
    elif [ -n "${CI:-}" ]; then
        echo "build.sh: Go is not installed, and in CI the tests against real clusters must run" >&2
        exit 1
    else
        echo "Go is not installed: the tests against real clusters will be skipped."
        exit 0
    fi
done
