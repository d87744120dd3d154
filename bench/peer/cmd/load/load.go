package main

import (
	"context"
	"fmt"
	"os"
	"sync"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"modelrun.dev/bench/peer/api"
)

// Load makes runs, watches their Jobs and pods, and plays their agents.
type Load struct {
	options Options
	config  *rest.Config
	kube    kubernetes.Interface
	runs    client.Client
	turns   chan struct{} // one for each agent that may speak
	book    *book
	writer  *writer // with -direct

	mutex sync.Mutex
	seen  map[string]bool // UIDs of the pods that have an agent
}

func newLoad(options Options, config *rest.Config) (*Load, error) {
	kubeConfig := rest.CopyConfig(config)
	kubeConfig.ContentType = "application/vnd.kubernetes.protobuf"
	kubeConfig.AcceptContentTypes = "application/vnd.kubernetes.protobuf,application/json"
	kube, err := kubernetes.NewForConfig(kubeConfig)
	if err != nil {
		return nil, fmt.Errorf("make a client: %w", err)
	}
	runs, err := client.New(config, client.Options{Scheme: newScheme()})
	if err != nil {
		return nil, fmt.Errorf("make a client of ModelRuns: %w", err)
	}
	load := &Load{options: options, config: config, kube: kube, runs: runs, book: newBook(), seen: map[string]bool{}}
	load.turns = make(chan struct{}, options.agents)
	if options.direct {
		load.writer = &writer{kube: kube, runs: runs}
	}
	return load, nil
}

// watch starts to follow the Jobs and pods of runs.
func (l *Load) watch(ctx context.Context) error {
	ours := labels.SelectorFromSet(labels.Set{api.LabelManagedBy: api.ManagedBy})
	jobMeta := &metav1.PartialObjectMetadata{}
	jobMeta.SetGroupVersionKind(batchv1.SchemeGroupVersion.WithKind("Job"))
	watched, err := cache.New(l.config, cache.Options{
		Scheme: newScheme(),
		ByObject: map[client.Object]cache.ByObject{
			jobMeta:       {Label: ours, Transform: cache.TransformStripManagedFields()},
			&corev1.Pod{}: {Label: ours, Transform: cache.TransformStripManagedFields()},
		},
	})
	if err != nil {
		return fmt.Errorf("make the watches: %w", err)
	}
	jobs, err := watched.GetInformer(ctx, jobMeta, cache.BlockUntilSynced(false))
	if err != nil {
		return fmt.Errorf("watch Jobs: %w", err)
	}
	pods, err := watched.GetInformer(ctx, &corev1.Pod{}, cache.BlockUntilSynced(false))
	if err != nil {
		return fmt.Errorf("watch pods: %w", err)
	}
	if _, err := jobs.AddEventHandler(toolscache.ResourceEventHandlerFuncs{AddFunc: func(object any) {
		if job, ok := object.(*metav1.PartialObjectMetadata); ok {
			l.book.jobSeen(job.Labels[api.LabelRunUID])
		}
	}}); err != nil {
		return fmt.Errorf("watch Jobs: %w", err)
	}
	if _, err := pods.AddEventHandler(toolscache.ResourceEventHandlerFuncs{
		AddFunc:    func(object any) { l.podSeen(ctx, object) },
		UpdateFunc: func(_, object any) { l.podSeen(ctx, object) },
		DeleteFunc: l.podGone,
	}); err != nil {
		return fmt.Errorf("watch pods: %w", err)
	}
	go func() {
		if err := watched.Start(ctx); err != nil {
			fmt.Fprintln(os.Stderr, "load: watches ended:", err)
		}
	}()
	if !watched.WaitForCacheSync(ctx) {
		return fmt.Errorf("the watches were not filled: is the API server there?")
	}
	return nil
}

// podSeen begins the agent of a pod that runs.
func (l *Load) podSeen(ctx context.Context, object any) {
	pod, ok := object.(*corev1.Pod)
	if !ok || pod.Status.Phase != corev1.PodRunning || pod.DeletionTimestamp != nil {
		return
	}
	uid := string(pod.UID)
	l.mutex.Lock()
	known := l.seen[uid]
	l.seen[uid] = true
	l.mutex.Unlock()
	if !known {
		go l.live(ctx, pod)
	}
}

func (l *Load) podGone(object any) {
	if pod, ok := object.(*corev1.Pod); ok {
		l.mutex.Lock()
		delete(l.seen, string(pod.UID))
		l.mutex.Unlock()
	}
}

// live is an agent's life.
func (l *Load) live(ctx context.Context, pod *corev1.Pod) {
	l.turns <- struct{}{}
	defer func() { <-l.turns }()
	run := pod.Labels[api.LabelRunUID]
	var err error
	if l.writer != nil {
		err = l.writer.finish(ctx, pod)
	} else {
		err = l.speak(ctx, pod)
	}
	switch {
	case ctx.Err() != nil:
	case err != nil:
		l.book.agentFailed(run, err)
	case l.options.hold:
		l.book.active(run)
	default:
		l.book.finished(run)
		l.endPod(ctx, pod)
		if l.writer == nil {
			return
		}
		if err := l.writer.compact(ctx, pod); err != nil {
			l.book.agentFailed(run, err)
		}
	}
}

func (l *Load) run(ctx context.Context) (*Report, error) {
	if l.options.seed {
		return l.seedRuns(ctx)
	}
	if err := l.watch(ctx); err != nil {
		return nil, err
	}
	until, done := context.WithTimeout(ctx, l.options.warmUp+l.options.duration)
	defer done()
	l.book.start(time.Now().Add(l.options.warmUp))
	if err := l.makeRuns(ctx, until); err != nil {
		return nil, err
	}
	l.book.stop()
	l.waitFor(ctx, l.options.drain)
	return l.book.report(l.options), nil
}

// waitFor waits until every run that was made is finished, or active with -hold, and its agent has ended; at most so long.
func (l *Load) waitFor(ctx context.Context, most time.Duration) {
	limit, done := context.WithTimeout(ctx, most)
	defer done()
	for l.book.open() > 0 {
		select {
		case <-limit.Done():
			return
		case <-l.book.changed:
		}
	}
	for range cap(l.turns) { // a turn that can be taken is an agent's that has ended
		select {
		case <-limit.Done():
			return
		case l.turns <- struct{}{}:
		}
	}
}
