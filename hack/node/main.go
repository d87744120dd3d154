// kubenode is a whole single-node Kubernetes in one executable: the first argument (or the name it is called by) says
// which program it is to be. hack/cluster builds and runs it; nothing of the product links against it.
package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"

	"github.com/spf13/cobra"
	"go.etcd.io/etcd/server/v3/etcdmain"
	"k8s.io/component-base/cli"
	kubectl "k8s.io/kubectl/pkg/cmd"
	kubectlutil "k8s.io/kubectl/pkg/cmd/util"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllermanager "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	proxy "k8s.io/kubernetes/cmd/kube-proxy/app"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
	kubelet "k8s.io/kubernetes/cmd/kubelet/app"

	// Side effects only: JSON logs and the metrics each program of a real release registers.
	_ "k8s.io/component-base/logs/json/register"
	_ "k8s.io/component-base/metrics/prometheus/clientgo"
	_ "k8s.io/component-base/metrics/prometheus/version"
)

// programs maps a name to what runs it with os.Args and gives the exit code.
var programs = map[string]func() int{
	"etcd":                    runEtcd,
	"kube-apiserver":          run(apiserver.NewAPIServerCommand),
	"kube-controller-manager": run(controllermanager.NewControllerManagerCommand),
	"kube-scheduler":          run(func() *cobra.Command { return scheduler.NewSchedulerCommand() }),
	"kubelet":                 run(kubeletCommand(kubelet.NewKubeletCommand)),
	"kube-proxy":              run(proxy.NewProxyCommand),
	"kubectl":                 runKubectl,
}

// kubeletCommand: up to Kubernetes 1.31 the kubelet's constructor takes no context.
func kubeletCommand(constructor any) func() *cobra.Command {
	if withContext, ok := constructor.(func(context.Context) *cobra.Command); ok {
		return func() *cobra.Command { return withContext(context.Background()) }
	}
	return constructor.(func() *cobra.Command)
}

func run(command func() *cobra.Command) func() int {
	return func() int { return cli.Run(command()) }
}

func runEtcd() int {
	etcdmain.Main(os.Args) // exits by itself on failure
	return 0
}

// kubectl prints its errors without usage text, as the released one does.
func runKubectl() int {
	if err := cli.RunNoErrOutput(kubectl.NewDefaultKubectlCommand()); err != nil {
		kubectlutil.CheckErr(err)
		return 1
	}
	return 0
}

func main() {
	if program, found := programs[filepath.Base(os.Args[0])]; found {
		os.Exit(program())
	}
	if len(os.Args) < 2 {
		usage("which program?")
	}
	program, found := programs[os.Args[1]]
	if !found {
		usage(fmt.Sprintf("no program %q in here", os.Args[1]))
	}
	os.Args = os.Args[1:]
	os.Exit(program())
}

func usage(problem string) {
	names := make([]string, 0, len(programs))
	for name := range programs {
		names = append(names, name)
	}
	sort.Strings(names)
	fmt.Fprintf(os.Stderr, "kubenode: %s\nusage: kubenode %s [ARGS...]\n", problem, strings.Join(names, "|"))
	os.Exit(2)
}
