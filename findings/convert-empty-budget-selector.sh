#!/bin/sh
# kubectl-convert 1.37.0, and a disruption budget of policy/v1beta1 with an empty selector.
#
# One would guess: the converted budget has the same selector, `{}`, or the tool warns that `{}` selected no pod in v1beta1
# and selects every pod of the namespace in v1. What happens: it writes an expression over a label that nobody has ever put on
# a pod, `pdb.kubernetes.io/deprecated-v1beta1-empty-selector-match Exists`, so that the budget goes on selecting nothing; and
# on the way back a `{}` of v1 becomes `DoesNotExist` of the same label. Somebody who commits the output keeps a budget that
# protects nothing and no longer looks like one.
#
# Needs Go; takes some minutes. Fails if the behaviour changes.
set -eu
temp=$(mktemp -d)
trap 'rm -rf "$temp"' EXIT

# A module that can build programs of k8s.io/kubernetes: its staging modules need a replacement each.
kubernetes=v1.37.0
staging=v0.37.0
export GOWORK=off GOFLAGS=-mod=mod
cd "$temp"
go mod init finding 2>/dev/null
source=$(go mod download -json "k8s.io/kubernetes@$kubernetes" | sed -n 's/.*"Dir": "\(.*\)".*/\1/p')
sed -n 's/^[[:space:]]*\(k8s.io\/[a-z-]*\) v0.0.0$/\1/p' "$source/go.mod" | sort -u | while read -r module; do
    go mod edit -replace "$module=$module@$staging"
done
go get "k8s.io/kubernetes/cmd/kubectl-convert@$kubernetes" >log 2>&1 || { cat log; exit 1; }
go build -o convert k8s.io/kubernetes/cmd/kubectl-convert

budget() {
    printf 'apiVersion: %s\nkind: PodDisruptionBudget\nmetadata: {name: till}\nspec: {minAvailable: 1, selector: {}}\n' "$1"
}
expect() {
    budget "$1" >budget.yaml
    ./convert --local -f budget.yaml --output-version "$2" >converted.yaml
    grep -A 2 'matchExpressions:' converted.yaml
    grep -q 'key: pdb.kubernetes.io/deprecated-v1beta1-empty-selector-match' converted.yaml
    grep -q "operator: $3\$" converted.yaml
}
echo "policy/v1beta1 {} as policy/v1:"
expect policy/v1beta1 policy/v1 Exists
echo "policy/v1 {} as policy/v1beta1:"
expect policy/v1 policy/v1beta1 DoesNotExist
