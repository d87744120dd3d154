// What Flux and Argo CD make of our resources, by the libraries that they are built from. For tests/e2e/cases_gitops.py.
//
//	gitops-test flux KUBECONFIG LAYOUT SOURCE INVENTORY
//	    Carries out the Kustomization in the file LAYOUT once, as kustomize-controller does, on the folder SOURCE in place of what
//	    its sourceRef names. INVENTORY is the file that stands for status.inventory; it may not be there yet.
//	    Prints {"ready": ..., "reason": ..., "message": ..., "changes": {"KIND/NAMESPACE/NAME": "created"}}.
//	gitops-test health CONFIGMAP
//	    Reads a JSON list of objects from standard input, and prints for each, in the same order, what kstatus says of it and what the
//	    health check in Argo CD's CONFIGMAP says: {"kstatus": ..., "argocd": {"status": ..., "message": ...}}.
package main

import (
	"encoding/json"
	"fmt"
	"os"
)

func main() {
	var answer any
	var err error
	switch arguments := os.Args[1:]; {
	case len(arguments) == 5 && arguments[0] == "flux":
		answer, err = reconcile(arguments[1], arguments[2], arguments[3], arguments[4])
	case len(arguments) == 2 && arguments[0] == "health":
		answer, err = judge(arguments[1], os.Stdin)
	default:
		err = fmt.Errorf("usage: gitops-test flux KUBECONFIG LAYOUT SOURCE INVENTORY | gitops-test health CONFIGMAP")
	}
	if err == nil {
		err = json.NewEncoder(os.Stdout).Encode(answer)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "gitops-test:", err)
		os.Exit(1)
	}
}
