// Package operator reconciles ModelRuns and ModelProjects on controller-runtime; see the README of the module.
package operator

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/events"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"modelrun.dev/bench/peer/api"
)

const (
	projectWait  = 60 * time.Second // for a project that is made after its run
	evidenceWait = 30 * time.Second // for the result of a Job that has failed
)

// What an agent is told.
var (
	errOver   = errors.New("the attempt is over")
	errDenied = errors.New("the pod is not the attempt's")
)

// RunReconciler takes a run from its creation to its end.
type RunReconciler struct {
	client.Client
	Settings *Settings
	Sources  *Sources
	Inbox    *Inbox
	Events   events.EventRecorder
	Woken    chan event.TypedGenericEvent[client.ObjectKey] // runs whose pods have brought something in
	Workers  int

	policies sync.Map // namespaces that have their NetworkPolicy
}

// Reconcile takes one run one step further, or several where nothing has to be waited for.
func (r *RunReconciler) Reconcile(ctx context.Context, request reconcile.Request) (reconcile.Result, error) {
	run := &api.ModelRun{}
	if err := r.Get(ctx, request.NamespacedName, run); err != nil {
		return reconcile.Result{}, client.IgnoreNotFound(err)
	}
	if !run.DeletionTimestamp.IsZero() {
		r.Inbox.forget(string(run.UID), errOver)
		return reconcile.Result{}, nil
	}
	if api.IsFinal(run.Status.Phase) {
		r.Inbox.forget(string(run.UID), errOver)
		return r.compact(ctx, run)
	}
	project := &api.ModelProject{}
	if err := r.Get(ctx, client.ObjectKey{Namespace: run.Namespace, Name: run.Spec.Project}, project); err != nil {
		if !apierrors.IsNotFound(err) {
			return reconcile.Result{}, err
		}
		if wait := projectWait - time.Since(run.CreationTimestamp.Time); wait > 0 {
			return reconcile.Result{RequeueAfter: wait}, nil
		}
		return reconcile.Result{}, r.endWith(ctx, run, api.PhaseFailed, reasonNoProject, "there is no project "+run.Spec.Project)
	}
	if run.Status.JobName == "" {
		if run.Spec.Cancel {
			return reconcile.Result{}, r.endWith(ctx, run, api.PhaseCancelled, reasonCancelled, "cancelled before it started")
		}
		pinned, err := r.pin(ctx, run, project)
		if err != nil || !pinned {
			return reconcile.Result{}, err
		}
	}
	return r.attempt(ctx, run, project)
}

// write writes the run's status as a patch that is refused when somebody else has written.
func (r *RunReconciler) write(ctx context.Context, run, before *api.ModelRun) error {
	if err := r.Status().Patch(ctx, run, client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{})); err != nil {
		return fmt.Errorf("write the status of run %s/%s: %w", run.Namespace, run.Name, err)
	}
	return nil
}

func (r *RunReconciler) endWith(ctx context.Context, run *api.ModelRun, phase, reason, message string) error {
	before := run.DeepCopy()
	end(run, phase, reason, message, time.Now())
	if err := r.write(ctx, run, before); err != nil {
		return err
	}
	r.Inbox.forget(string(run.UID), errOver)
	r.Events.Eventf(run, nil, corev1.EventTypeWarning, reason, "End", message)
	return nil
}

// pin writes what the attempt depends on, when the project has given the run a slot; the project wakes it then.
func (r *RunReconciler) pin(ctx context.Context, run *api.ModelRun, project *api.ModelProject) (bool, error) {
	var number int64
	for i := range project.Status.Active {
		if project.Status.Active[i].UID == string(run.UID) {
			number = project.Status.Active[i].Number
		}
	}
	if number == 0 {
		return false, nil
	}
	commit, branch, err := r.Sources.Resolve(ctx, project, run)
	if err != nil {
		return false, fmt.Errorf("resolve the source of run %s/%s: %w", run.Namespace, run.Name, err)
	}
	before := run.DeepCopy()
	if err := Pin(run, project, commit, branch, number, r.Settings, time.Now()); err != nil {
		return false, err
	}
	return true, r.write(ctx, run, before)
}

// attempt sees to the Job, and to what its pod brings in.
func (r *RunReconciler) attempt(ctx context.Context, run *api.ModelRun, project *api.ModelProject) (reconcile.Result, error) {
	job := &batchv1.Job{}
	err := r.Get(ctx, client.ObjectKey{Namespace: run.Namespace, Name: run.Status.JobName}, job)
	switch {
	case apierrors.IsNotFound(err):
		return reconcile.Result{}, r.makeJob(ctx, run, project)
	case err != nil:
		return reconcile.Result{}, err
	case !metav1.IsControlledBy(job, run):
		return reconcile.Result{}, r.endWith(ctx, run, api.PhaseFailed, "JobNameTaken", "Job "+job.Name+" belongs to somebody else")
	}
	claimed, handedIn := r.Inbox.of(string(run.UID))
	if run.Spec.Cancel && handedIn == nil {
		if err := r.deleteJob(ctx, job); err != nil {
			return reconcile.Result{}, err
		}
		return reconcile.Result{}, r.endWith(ctx, run, api.PhaseCancelled, reasonCancelled, "cancelled")
	}
	if claimed != nil {
		if err := r.permit(ctx, run, project, claimed); err != nil {
			return reconcile.Result{}, err
		}
	}
	if handedIn != nil {
		return r.finish(ctx, run, handedIn)
	}
	return r.overdue(ctx, run, job)
}

func (r *RunReconciler) makeJob(ctx context.Context, run *api.ModelRun, project *api.ModelProject) error {
	if err := r.ensurePolicy(ctx, run.Namespace); err != nil {
		return err
	}
	job := BuildJob(run, project, r.Settings)
	if err := r.Create(ctx, job); err != nil {
		if apierrors.IsAlreadyExists(err) {
			return nil // the cache is behind, and its event comes
		}
		return fmt.Errorf("create Job %s/%s: %w", job.Namespace, job.Name, err)
	}
	if run.Spec.Parameters != nil {
		parameters := &corev1.ConfigMap{
			ObjectMeta: metav1.ObjectMeta{
				Name: job.Name, Namespace: job.Namespace, Labels: map[string]string{api.LabelRunUID: string(run.UID), api.LabelManagedBy: api.ManagedBy},
				OwnerReferences: []metav1.OwnerReference{*metav1.NewControllerRef(job, batchv1.SchemeGroupVersion.WithKind("Job"))},
			},
			Immutable: ptr.To(true),
			Data:      map[string]string{"parameters.json": string(run.Spec.Parameters.Raw)},
		}
		if err := r.Create(ctx, parameters); err != nil && !apierrors.IsAlreadyExists(err) {
			return fmt.Errorf("create ConfigMap %s/%s: %w", job.Namespace, job.Name, err)
		}
	}
	r.Events.Eventf(run, nil, corev1.EventTypeNormal, "Admitted", "Start", "Job %s is made", job.Name)
	return nil
}

// permit writes that the pod executes the run, then lets it have the source.
func (r *RunReconciler) permit(ctx context.Context, run *api.ModelRun, project *api.ModelProject, claimed *claim) error {
	if run.Status.PodUID != "" {
		var answer error
		if run.Status.PodUID != claimed.podUID {
			answer = errDenied
		}
		r.Inbox.answerClaim(string(run.UID), claimed, answer)
		return nil
	}
	archive, err := r.Sources.Fetch(ctx, project.Spec.Source.Git.URL, run.Status.CommitSHA)
	if err != nil {
		return err
	}
	before := run.DeepCopy()
	Start(run, claimed.podName, claimed.podUID, claimed.nodeName, "sha256:"+archive.Digest, time.Now())
	if err := r.write(ctx, run, before); err != nil {
		return err
	}
	r.Inbox.answerClaim(string(run.UID), claimed, nil)
	return nil
}

func (r *RunReconciler) finish(ctx context.Context, run *api.ModelRun, handedIn *result) (reconcile.Result, error) {
	if run.Status.PodUID != handedIn.podUID {
		r.Inbox.answerResult(string(run.UID), handedIn, errDenied)
		return reconcile.Result{}, nil
	}
	before := run.DeepCopy()
	Finish(run, handedIn.frame, time.Now())
	if err := r.write(ctx, run, before); err != nil {
		return reconcile.Result{}, err
	}
	r.Inbox.answerResult(string(run.UID), handedIn, nil)
	r.Events.Eventf(run, nil, corev1.EventTypeNormal, run.Status.Phase, "End", run.Status.Message)
	return reconcile.Result{}, nil
}

// overdue ends a run whose Job has failed without a result.
func (r *RunReconciler) overdue(ctx context.Context, run *api.ModelRun, job *batchv1.Job) (reconcile.Result, error) {
	for _, condition := range job.Status.Conditions {
		if condition.Type != batchv1.JobFailed && condition.Type != batchv1.JobComplete || condition.Status != corev1.ConditionTrue {
			continue
		}
		if wait := evidenceWait - time.Since(condition.LastTransitionTime.Time); wait > 0 {
			return reconcile.Result{RequeueAfter: wait}, nil
		}
		return reconcile.Result{}, r.endWith(ctx, run, api.PhaseFailed, reasonPodLost, "the pod ended without a result")
	}
	return reconcile.Result{}, nil
}

// compact deletes the Job of a run that is over, when its time has come.
func (r *RunReconciler) compact(ctx context.Context, run *api.ModelRun) (reconcile.Result, error) {
	if run.Status.JobName == "" {
		return reconcile.Result{}, nil
	}
	job := &batchv1.Job{}
	err := r.Get(ctx, client.ObjectKey{Namespace: run.Namespace, Name: run.Status.JobName}, job)
	if err != nil || !job.DeletionTimestamp.IsZero() || !metav1.IsControlledBy(job, run) {
		return reconcile.Result{}, client.IgnoreNotFound(err)
	}
	stays := 300 * time.Second
	project := &api.ModelProject{}
	if err := r.Get(ctx, client.ObjectKey{Namespace: run.Namespace, Name: run.Spec.Project}, project); err == nil {
		stays = time.Duration(ptr.Deref(project.Spec.History.PodSeconds, 300)) * time.Second
	}
	if run.Status.FinishedAt != nil {
		if wait := stays - time.Since(run.Status.FinishedAt.Time); wait > 0 {
			return reconcile.Result{RequeueAfter: wait}, nil
		}
	}
	return reconcile.Result{}, r.deleteJob(ctx, job)
}

func (r *RunReconciler) deleteJob(ctx context.Context, job *batchv1.Job) error {
	err := r.Delete(ctx, job, client.PropagationPolicy(metav1.DeletePropagationBackground), client.Preconditions{UID: &job.UID})
	if client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("delete Job %s/%s: %w", job.Namespace, job.Name, err)
	}
	return nil
}

func (r *RunReconciler) ensurePolicy(ctx context.Context, namespace string) error {
	if _, found := r.policies.Load(namespace); found {
		return nil
	}
	policy := &networkingv1.NetworkPolicy{
		ObjectMeta: metav1.ObjectMeta{Name: "modelrun-sandbox", Namespace: namespace, Labels: map[string]string{api.LabelManagedBy: api.ManagedBy}},
		Spec: networkingv1.NetworkPolicySpec{
			PodSelector: metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{{Key: api.LabelRunUID, Operator: metav1.LabelSelectorOpExists}}},
			PolicyTypes: []networkingv1.PolicyType{networkingv1.PolicyTypeIngress, networkingv1.PolicyTypeEgress},
		},
	}
	if err := r.Create(ctx, policy); err != nil && !apierrors.IsAlreadyExists(err) {
		return fmt.Errorf("create NetworkPolicy %s/%s: %w", namespace, policy.Name, err)
	}
	r.policies.Store(namespace, true)
	return nil
}

// admittedRuns maps a project to the runs that it has given a slot and that have no Job yet.
func (r *RunReconciler) admittedRuns(ctx context.Context, object client.Object) []reconcile.Request {
	project, ok := object.(*api.ModelProject)
	if !ok {
		return nil
	}
	var runs api.ModelRunList
	err := r.List(ctx, &runs, client.InNamespace(project.Namespace), client.MatchingFields{OpenRunsOf: project.Name},
		client.UnsafeDisableDeepCopy, client.DisableReadYourWritesConsistency)
	if err != nil {
		return nil
	}
	var woken []reconcile.Request
	for i := range runs.Items {
		if waits(&runs.Items[i]) {
			woken = append(woken, reconcile.Request{NamespacedName: client.ObjectKeyFromObject(&runs.Items[i])})
		}
	}
	return woken
}

// SetupWithManager adds the controller to the manager.
func (r *RunReconciler) SetupWithManager(mgr ctrl.Manager) error {
	woken := handler.TypedFuncs[client.ObjectKey, reconcile.Request]{
		GenericFunc: func(_ context.Context, e event.TypedGenericEvent[client.ObjectKey], queue workqueue) {
			queue.Add(reconcile.Request{NamespacedName: e.Object})
		},
	}
	return ctrl.NewControllerManagedBy(mgr).
		For(&api.ModelRun{}).
		Owns(&batchv1.Job{}).
		Watches(&api.ModelProject{}, handler.EnqueueRequestsFromMapFunc(r.admittedRuns)).
		WatchesRawSource(source.Channel(r.Woken, woken)).
		WithOptions(controller.Options{MaxConcurrentReconciles: r.Workers}).
		Complete(r)
}
