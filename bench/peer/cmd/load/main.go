// Command load makes ModelRuns and plays the agents of their pods, for bench/scale. It knows no operator: what it makes and
// answers is the same whichever one reconciles.
//
// A pod that runs gets a token of its own from the API server (TokenRequest), asks the run server that its environment names for
// the source, hands in a result, and is then reported as ended, as its kubelet would do. With -direct, load itself makes the
// writes of an operator, in the same order and of the same size, without deciding anything: that is the API server's ceiling.
//
// Prints one JSON object, see Report.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/klog/v2"
	ctrllog "sigs.k8s.io/controller-runtime/pkg/log"

	"modelrun.dev/bench/peer/api"
)

// Options are the command line.
type Options struct {
	kubeconfig string
	namespaces int
	project    string
	prefix     string
	rate       float64
	queue      int
	warmUp     time.Duration
	duration   time.Duration
	count      int
	flood      int
	hold       bool
	direct     bool
	seed       bool
	drain      time.Duration
	parallel   int
	agents     int
}

func parse() Options {
	var o Options
	// A set of its own, as a package of client-go adds flags to the common one.
	flags := flag.NewFlagSet("load", flag.ExitOnError)
	flags.StringVar(&o.kubeconfig, "kubeconfig", "", "kubeconfig file")
	flags.IntVar(&o.namespaces, "namespaces", 1, "runs are made in turn in the namespaces bench-0, bench-1, ...")
	flags.StringVar(&o.project, "project", "models", "project of the runs")
	flags.StringVar(&o.prefix, "prefix", "run", "how the names of the runs begin")
	flags.Float64Var(&o.rate, "rate", 0, "runs made a second; 0: as many as keep -queue of them unfinished")
	flags.IntVar(&o.queue, "queue", 200, "how many runs are kept unfinished")
	flags.DurationVar(&o.warmUp, "warm-up", 0, "time before the measurement begins")
	flags.DurationVar(&o.duration, "for", time.Minute, "how long runs are made")
	flags.IntVar(&o.count, "count", 0, "at most so many runs are made; 0: no limit")
	flags.IntVar(&o.flood, "flood", 0, "runs that are made in bench-0 at once before the others")
	flags.BoolVar(&o.hold, "hold", false, "agents do not hand in a result: runs go on")
	flags.BoolVar(&o.direct, "direct", false, "make the operator's writes, too")
	flags.BoolVar(&o.seed, "seed", false, "make -count finished runs, with their status, and nothing else")
	flags.DurationVar(&o.drain, "drain", 30*time.Second, "how long to wait for what was made to end; with -hold, to be active")
	flags.IntVar(&o.parallel, "parallel", 32, "runs that are made at the same time")
	flags.IntVar(&o.agents, "agents", 64, "agents that speak at the same time")
	_ = flags.Parse(os.Args[1:]) // which ends the program by itself
	return o
}

func newScheme() *runtime.Scheme {
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, api.AddToScheme} {
		if err := add(scheme); err != nil {
			panic(err) // types that contradict each other: a mistake in this program
		}
	}
	return scheme
}

func run() error {
	ctrllog.SetLogger(klog.Background())
	options := parse()
	config, err := clientcmd.BuildConfigFromFlags("", options.kubeconfig)
	if err != nil {
		return fmt.Errorf("read -kubeconfig %q: %w", options.kubeconfig, err)
	}
	config.QPS = -1
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	load, err := newLoad(options, config)
	if err != nil {
		return err
	}
	report, err := load.run(ctx)
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(report)
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "load:", err)
		os.Exit(1)
	}
}
