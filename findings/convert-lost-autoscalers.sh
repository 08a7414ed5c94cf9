#!/bin/sh
# kubectl-convert 1.37.0, and which removed API versions it can still read.
#
# One would guess: the tool that the deprecation guide recommends for old manifests reads the versions that were removed
# last, if any. What happens: it reads an Ingress of extensions/v1beta1 (removed in 1.22) and a Deployment of
# extensions/v1beta1 (removed in 1.16), but not an autoscaler of autoscaling/v2beta2, removed in 1.26, or of v2beta1, removed
# in 1.25: "no kind is registered". For those an older kubectl-convert is needed.
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

cat >ingress.yaml <<'Y'
apiVersion: extensions/v1beta1
kind: Ingress
metadata: {name: till}
spec: {rules: [{http: {paths: [{path: /, backend: {serviceName: till, servicePort: 80}}]}}]}
Y
./convert --local -f ingress.yaml --output-version networking.k8s.io/v1 | grep -A 4 'service:'

cat >deployment.yaml <<'Y'
apiVersion: extensions/v1beta1
kind: Deployment
metadata: {name: till}
spec: {template: {metadata: {labels: {app: till}}, spec: {containers: [{name: till, image: "shop.example/till:1"}]}}}
Y
./convert --local -f deployment.yaml --output-version apps/v1 | grep -A 2 'selector:'

autoscaler() {
    printf 'apiVersion: autoscaling/%s\nkind: HorizontalPodAutoscaler\nmetadata: {name: till}\n' "$1"
    printf 'spec: {maxReplicas: 3, scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: till}}\n'
}
for version in v2beta1 v2beta2; do
    autoscaler "$version" >autoscaler.yaml
    if ./convert --local -f autoscaler.yaml --output-version autoscaling/v2 >converted 2>&1; then
        echo "autoscaling/$version is read again" >&2
        exit 1
    fi
    cat converted
    grep -q "no kind \"HorizontalPodAutoscaler\" is registered for version \"autoscaling/$version\"" converted
done
autoscaler v1 >autoscaler.yaml
./convert --local -f autoscaler.yaml --output-version autoscaling/v2 | grep 'apiVersion: autoscaling/v2'
