// Command peer is the operator of bench/peer: the Go peer of modelrun-operator in bench/scale.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"
	"sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"modelrun.dev/bench/peer/api"
	"modelrun.dev/bench/peer/operator"
)

type flags struct {
	namespace, metrics, listen, advertise, sources string
	workers                                        int
	settings                                       operator.Settings
}

func parse() *flags {
	f := &flags{settings: operator.Settings{RunServerName: api.ServerName, MaxTimeout: 300, ImagePullPolicy: corev1.PullIfNotPresent}}
	flag.StringVar(&f.namespace, "namespace", "modelrun-system", "namespace of the Lease and the Secret")
	flag.StringVar(&f.metrics, "metrics-listen", "127.0.0.1:8080", "where /metrics is served")
	flag.StringVar(&f.listen, "run-server-listen", "0.0.0.0:9443", "where the run server listens")
	flag.StringVar(&f.advertise, "run-server-advertise", "", "IP:PORT that pods are given")
	flag.StringVar(&f.sources, "source-cache", os.TempDir(), "directory of the fetched commits")
	flag.StringVar(&f.settings.AgentImage, "agent-image", "", "image of the agent container")
	flag.StringVar(&f.settings.DefaultImage, "default-image", "", "image for projects that name none")
	flag.IntVar(&f.workers, "workers", 16, "runs that are reconciled at once")
	flag.Parse() // controller-runtime adds -kubeconfig
	f.settings.RunServer = f.advertise
	return f
}

func newManager(f *flags, config *rest.Config, scheme *runtime.Scheme) (ctrl.Manager, error) {
	return ctrl.NewManager(config, ctrl.Options{
		Scheme:                        scheme,
		Cache:                         operator.CacheOptions(),
		Client:                        client.Options{Cache: &client.CacheOptions{EnableReadYourWritesConsistency: ptr.To(true)}},
		Metrics:                       server.Options{BindAddress: f.metrics},
		LeaderElection:                true,
		LeaderElectionID:              "modelrun-peer",
		LeaderElectionNamespace:       f.namespace,
		LeaderElectionReleaseOnCancel: true,
	})
}

func run() error {
	f := parse()
	ctrl.SetLogger(zap.New())
	config, err := ctrl.GetConfig()
	if err != nil {
		return fmt.Errorf("find the cluster: %w", err)
	}
	config.QPS = -1 // the API server's priorities and fairness bound what a client may ask
	scheme := runtime.NewScheme()
	if err := clientgoscheme.AddToScheme(scheme); err != nil {
		return err
	}
	if err := api.AddToScheme(scheme); err != nil {
		return err
	}
	kubeConfig := rest.CopyConfig(config)
	kubeConfig.ContentType = runtime.ContentTypeProtobuf
	kube, err := kubernetes.NewForConfig(kubeConfig)
	if err != nil {
		return fmt.Errorf("make a client: %w", err)
	}
	mgr, err := newManager(f, config, scheme)
	if err != nil {
		return fmt.Errorf("make the manager: %w", err)
	}
	ctx := ctrl.SetupSignalHandler()
	certificate, authority, err := operator.EnsureCertificate(ctx, kube, f.namespace)
	if err != nil {
		return err
	}
	f.settings.RunServerCA = authority
	folder := filepath.Join(f.sources, "peer-sources")
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return fmt.Errorf("-source-cache: %w", err)
	}
	if err := mgr.GetFieldIndexer().IndexField(ctx, &api.ModelRun{}, operator.OpenRunsOf, operator.IndexOpenRuns); err != nil {
		return fmt.Errorf("index the runs: %w", err)
	}
	inbox, sources := operator.NewInbox(), operator.NewSources(folder)
	woken := make(chan event.TypedGenericEvent[client.ObjectKey], 1024)
	runs := &operator.RunReconciler{
		Client: mgr.GetClient(), Settings: &f.settings, Sources: sources, Inbox: inbox,
		Events: mgr.GetEventRecorder("modelrun-peer"), Woken: woken, Workers: f.workers,
	}
	projects := &operator.ProjectReconciler{Client: mgr.GetClient()}
	pods := &operator.RunServer{
		Address: f.listen, Certificate: certificate, Kube: kube, Reader: mgr.GetCache(), Inbox: inbox, Sources: sources, Woken: woken,
	}
	for _, setUp := range []func(ctrl.Manager) error{runs.SetupWithManager, projects.SetupWithManager} {
		if err := setUp(mgr); err != nil {
			return fmt.Errorf("set up the controllers: %w", err)
		}
	}
	if err := mgr.Add(pods); err != nil {
		return fmt.Errorf("add the run server: %w", err)
	}
	if _, err := mgr.GetCache().GetInformer(ctx, &corev1.Pod{}); err != nil {
		return fmt.Errorf("watch pods: %w", err)
	}
	return mgr.Start(ctx)
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "peer:", err)
		os.Exit(1)
	}
}
