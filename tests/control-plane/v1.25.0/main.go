// Command control-plane is a Kubernetes API server, for tests: it starts the
// component whose name it was called by (the base name of argv[0]). This version
// is only ever upgraded to, so etcd and the rest come from another one.
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
	"k8s.io/component-base/cli"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
)

var commands = map[string]func() *cobra.Command{
	"kube-apiserver": apiserver.NewAPIServerCommand,
}

func main() {
	name := filepath.Base(os.Args[0])
	command, known := commands[name]
	if !known {
		fmt.Fprintf(os.Stderr, "%s: no such component in this control plane\n", name)
		os.Exit(2)
	}
	os.Exit(cli.Run(command()))
}
