//go:build tools

// Package tools names the program that build.sh builds from this module, so
// that go.mod and go.sum pin it and everything it needs.
package tools

import _ "sigs.k8s.io/krew/cmd/krew"
