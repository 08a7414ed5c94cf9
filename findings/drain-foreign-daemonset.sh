#!/bin/sh
# k8s.io/kubectl, the library behind `kubectl drain`, and a pod that a DaemonSet of another group controls (OpenKruise's
# apps.kruise.io/v1alpha1 DaemonSet), with --ignore-daemonsets.
#
# One would guess: the pod is left alone, as pods of DaemonSets are; or it is evicted, as pods of any controller are; the same
# in each release. What happens: 0.24.17 compares the kind alone, looks for a DaemonSet of apps/v1 with that name, does not
# find one and refuses to drain the node (--force would delete the pod as an orphan). 0.37.0 compares the group too and evicts
# the pod, which its controller puts back on the cordoned node. A node drains, or not, by the age of the kubectl on the desk.
#
# Needs Go; takes some minutes. Fails if the behaviour changes.
set -eu
temp=$(mktemp -d)
trap 'rm -rf "$temp"' EXIT
export GOWORK=off GOFLAGS=-mod=mod

drain_with() {
    mkdir "$temp/$1"
    cd "$temp/$1"
    cat >main.go <<'G'
package main

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"
	"k8s.io/kubectl/pkg/drain"
)

func main() {
	controller := true
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "agent-1", Namespace: "shop", OwnerReferences: []metav1.OwnerReference{{
		APIVersion: "apps.kruise.io/v1alpha1", Kind: "DaemonSet", Name: "agent", UID: "1", Controller: &controller,
	}}}, Spec: corev1.PodSpec{NodeName: "worker-1"}}
	helper := drain.Helper{Ctx: context.Background(), Client: fake.NewSimpleClientset(pod), IgnoreAllDaemonSets: true}
	list, problems := helper.GetPodsForDeletion("worker-1")
	for _, problem := range problems {
		fmt.Println("refused:", problem)
	}
	if len(problems) == 0 {
		for _, pod := range list.Pods() {
			fmt.Println("evicted:", pod.Name)
		}
	}
}
G
    go mod init finding 2>/dev/null
    for module in api apimachinery client-go kubectl; do
        go get "k8s.io/$module@$1" 2>/dev/null
    done
    go mod tidy 2>/dev/null
    go run . | tee output
}
echo "k8s.io/kubectl v0.24.17:"
drain_with v0.24.17
grep -q 'refused:.*daemonsets.apps "agent" not found' output
echo "k8s.io/kubectl v0.37.0:"
drain_with v0.37.0
grep -q '^evicted: agent-1$' output
