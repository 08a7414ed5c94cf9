#!/bin/sh
# kubectl-convert 1.37.0, and a webhook configuration of admissionregistration.k8s.io/v1beta1.
#
# One would guess: what the tool writes as admissionregistration.k8s.io/v1 can be applied. What happens: it writes the
# defaults of v1beta1 out, `sideEffects: Unknown` among them, which v1 does not allow: the validation of the same release
# refuses the manifest. (admissionReviewVersions is written as [v1beta1], which v1 accepts.)
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

cat >webhook.yaml <<'Y'
apiVersion: admissionregistration.k8s.io/v1beta1
kind: ValidatingWebhookConfiguration
metadata: {name: prices}
webhooks:
- name: prices.shop.example
  clientConfig: {url: "https://shop.example/prices"}
Y
./convert --local -f webhook.yaml --output-version admissionregistration.k8s.io/v1 >converted.yaml
cat converted.yaml
grep -q 'sideEffects: Unknown' converted.yaml

# The validation that API servers of the release use.
mkdir validate
cat >validate/main.go <<'G'
package main

import (
	"fmt"
	"os"

	"k8s.io/kubernetes/pkg/api/legacyscheme"
	internal "k8s.io/kubernetes/pkg/apis/admissionregistration"
	_ "k8s.io/kubernetes/pkg/apis/admissionregistration/install"
	"k8s.io/kubernetes/pkg/apis/admissionregistration/validation"
)

func main() {
	text, err := os.ReadFile(os.Args[1])
	if err != nil {
		panic(err)
	}
	object, _, err := legacyscheme.Codecs.UniversalDecoder().Decode(text, nil, nil)
	if err != nil {
		panic(err)
	}
	for _, problem := range validation.ValidateValidatingWebhookConfiguration(object.(*internal.ValidatingWebhookConfiguration)) {
		fmt.Println(problem)
	}
}
G
go run ./validate converted.yaml >problems
cat problems
test "$(wc -l <problems)" -eq 1
grep -q 'webhooks\[0\].sideEffects: Unsupported value: "Unknown"' problems
