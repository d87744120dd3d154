package main

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"modelrun.dev/bench/peer/api"
	"modelrun.dev/bench/peer/operator"
)

// writer makes the writes that a run costs an operator: the pinning status, the Job, the status that permits, the final status, and
// the end of the Job. It reads nothing back and decides nothing. Slots, which many runs share a write for, are left out.
type writer struct {
	kube kubernetes.Interface
	runs client.Client

	mutex sync.Mutex
	open  map[string]*api.ModelRun
}

var (
	writerProject  = &api.ModelProject{Spec: api.ModelProjectSpec{Source: api.Source{Git: api.GitSource{URL: "http://127.0.0.1:8419/models.git"}}}}
	writerSettings = &operator.Settings{
		AgentImage: "localhost/modelrun-agent:dev", DefaultImage: "localhost/modelrun-python:dev", RunServer: "127.0.0.1:9443",
		RunServerName: api.ServerName, RunServerCA: strings.Repeat("c", 700), MaxTimeout: 300, ImagePullPolicy: corev1.PullIfNotPresent,
	}
)

const writerCommit = "0123456789012345678901234567890123456789"

func (w *writer) begin(ctx context.Context, run *api.ModelRun) error {
	if err := operator.Pin(run, writerProject, writerCommit, "main", 1, writerSettings, time.Now()); err != nil {
		return err
	}
	if err := w.runs.Status().Update(ctx, run); err != nil {
		return fmt.Errorf("pin run %s/%s: %w", run.Namespace, run.Name, err)
	}
	w.mutex.Lock()
	if w.open == nil {
		w.open = map[string]*api.ModelRun{}
	}
	w.open[string(run.UID)] = run
	w.mutex.Unlock()
	job := operator.BuildJob(run, writerProject, writerSettings)
	if _, err := w.kube.BatchV1().Jobs(run.Namespace).Create(ctx, job, metav1.CreateOptions{}); err != nil {
		return fmt.Errorf("create Job %s/%s: %w", job.Namespace, job.Name, err)
	}
	return nil
}

func (w *writer) finish(ctx context.Context, pod *corev1.Pod) error {
	uid := pod.Labels[api.LabelRunUID]
	w.mutex.Lock()
	run := w.open[uid]
	delete(w.open, uid)
	w.mutex.Unlock()
	if run == nil {
		return fmt.Errorf("pod %s/%s is of a run that nobody made", pod.Namespace, pod.Name)
	}
	started := time.Now()
	operator.Start(run, pod.Name, string(pod.UID), pod.Spec.NodeName, "sha256:"+writerCommit, started)
	if err := w.runs.Status().Update(ctx, run); err != nil {
		return fmt.Errorf("permit run %s/%s: %w", run.Namespace, run.Name, err)
	}
	frame := newFrame(uid, started)
	operator.Finish(run, &frame, time.Now())
	if err := w.runs.Status().Update(ctx, run); err != nil {
		return fmt.Errorf("end run %s/%s: %w", run.Namespace, run.Name, err)
	}
	return nil
}

// compact deletes the Job, when the pod's end has been reported.
func (w *writer) compact(ctx context.Context, pod *corev1.Pod) error {
	owner := metav1.GetControllerOf(pod)
	if owner == nil {
		return nil
	}
	err := w.kube.BatchV1().Jobs(pod.Namespace).Delete(ctx, owner.Name, metav1.DeleteOptions{
		PropagationPolicy: ptr.To(metav1.DeletePropagationBackground), Preconditions: &metav1.Preconditions{UID: &owner.UID},
	})
	return client.IgnoreNotFound(err)
}
