package operator

import (
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	utilworkqueue "k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"modelrun.dev/bench/peer/api"
)

type workqueue = utilworkqueue.TypedRateLimitingInterface[reconcile.Request]

const lastApplied = "kubectl.kubernetes.io/last-applied-configuration"

// slimRun keeps of a run what a pass reads. Of one that has ended that is its name, its Job, and when it ended.
func slimRun(object any) (any, error) {
	run, ok := object.(*api.ModelRun)
	if !ok {
		return object, nil
	}
	run.ManagedFields = nil
	delete(run.Annotations, lastApplied)
	if !api.IsFinal(run.Status.Phase) {
		return run, nil
	}
	status := run.Status
	run.Labels, run.Annotations = nil, nil
	run.Spec = api.ModelRunSpec{Project: run.Spec.Project}
	run.Status = api.ModelRunStatus{Phase: status.Phase, JobName: status.JobName, FinishedAt: status.FinishedAt}
	return run, nil
}

// slimJob keeps of a Job whose it is, and how it ended.
func slimJob(object any) (any, error) {
	if job, ok := object.(*batchv1.Job); ok {
		job.ManagedFields, job.Annotations, job.Labels = nil, nil, nil
		job.Spec = batchv1.JobSpec{}
		job.Status = batchv1.JobStatus{Conditions: job.Status.Conditions}
	}
	return object, nil
}

// slimPod keeps of a pod whose it is, and where.
func slimPod(object any) (any, error) {
	if pod, ok := object.(*corev1.Pod); ok {
		pod.ManagedFields, pod.Annotations, pod.Labels = nil, nil, nil
		pod.Spec = corev1.PodSpec{NodeName: pod.Spec.NodeName}
		pod.Status = corev1.PodStatus{Phase: pod.Status.Phase}
	}
	return object, nil
}

// CacheOptions say what of each kind is watched and kept.
func CacheOptions() cache.Options {
	ours := labels.SelectorFromSet(labels.Set{api.LabelManagedBy: api.ManagedBy})
	return cache.Options{
		DefaultTransform: cache.TransformStripManagedFields(),
		ByObject: map[client.Object]cache.ByObject{
			&api.ModelRun{}: {Transform: slimRun},
			&batchv1.Job{}:  {Label: ours, Transform: slimJob},
			&corev1.Pod{}:   {Label: ours, Transform: slimPod},
		},
	}
}

// IndexOpenRuns is the function of the index OpenRunsOf.
func IndexOpenRuns(object client.Object) []string {
	run, ok := object.(*api.ModelRun)
	if !ok || api.IsFinal(run.Status.Phase) {
		return nil
	}
	return []string{run.Spec.Project}
}
