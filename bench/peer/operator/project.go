package operator

import (
	"context"
	"fmt"
	"sort"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"modelrun.dev/bench/peer/api"
)

// OpenRunsOf is an index: the project of a run that has not ended.
const OpenRunsOf = "openRunsOf"

// slots that nobody waits for are given back together, in one write.
const giveBackAfter = 20 * time.Second

// ProjectReconciler gives runs their numbers and slots: one write for all that wait.
type ProjectReconciler struct {
	client.Client

	lastGiven sync.Map // when a project last gave a slot, by its key
}

func waits(run *api.ModelRun) bool {
	return run.Status.JobName == "" && !run.Spec.Cancel && run.DeletionTimestamp.IsZero()
}

// Reconcile looks at the runs that have not ended, and at no others.
func (r *ProjectReconciler) Reconcile(ctx context.Context, request reconcile.Request) (reconcile.Result, error) {
	project := &api.ModelProject{}
	if err := r.Get(ctx, request.NamespacedName, project); err != nil {
		return reconcile.Result{}, client.IgnoreNotFound(err)
	}
	var runs api.ModelRunList
	err := r.List(ctx, &runs, client.InNamespace(request.Namespace), client.MatchingFields{OpenRunsOf: request.Name}, client.UnsafeDisableDeepCopy)
	if err != nil {
		return reconcile.Result{}, fmt.Errorf("list the runs of project %s: %w", request, err)
	}
	before := project.DeepCopy()
	admitted, given := admit(project, runs.Items)
	if !admitted && project.Status.ObservedGeneration == project.Generation {
		if len(project.Status.Active) == len(before.Status.Active) {
			return reconcile.Result{}, nil
		}
		if len(project.Status.Active) > 0 {
			return reconcile.Result{}, nil // they go with the next admission
		}
		// All slots are free, and nobody waits.
		if at, found := r.lastGiven.Load(request); found {
			if wait := giveBackAfter - time.Since(at.(time.Time)); wait > 0 {
				return reconcile.Result{RequeueAfter: wait}, nil
			}
		}
	}
	if admitted {
		r.lastGiven.Store(request, time.Now())
	}
	project.Status.ObservedGeneration = project.Generation
	project.Status.ActiveRuns = int64(len(project.Status.Active))
	project.Status.QueuedRuns = int64(given)
	project.Status.Conditions = api.SetCondition(project.Status.Conditions, api.Condition{
		Type: "Ready", Status: metav1.ConditionTrue, Reason: "Ready", Message: "runs are taken", ObservedGeneration: project.Generation,
	}, metav1.Now())
	if err := r.Status().Patch(ctx, project, client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{})); err != nil {
		return reconcile.Result{}, fmt.Errorf("write the status of project %s: %w", request, client.IgnoreNotFound(err))
	}
	return reconcile.Result{}, nil
}

// admit drops slots of runs that have ended, and gives free ones to those that wait, the oldest first. The list holds the open
// runs of the project. Says whether somebody got a slot, and how many wait on.
func admit(project *api.ModelProject, open []api.ModelRun) (admitted bool, left int) {
	known := make(map[string]*api.ModelRun, len(open))
	for i := range open {
		known[string(open[i].UID)] = &open[i]
	}
	kept := make([]api.ActiveRun, 0, len(project.Status.Active))
	holds := make(map[string]bool, len(project.Status.Active))
	for _, active := range project.Status.Active {
		if known[active.UID] != nil {
			kept = append(kept, active)
			holds[active.UID] = true
		}
	}
	var waiting []*api.ModelRun
	for _, run := range known {
		if waits(run) && !holds[string(run.UID)] {
			waiting = append(waiting, run)
		}
	}
	sort.Slice(waiting, func(a, b int) bool {
		x, y := waiting[a], waiting[b]
		if !x.CreationTimestamp.Equal(&y.CreationTimestamp) {
			return x.CreationTimestamp.Before(&y.CreationTimestamp)
		}
		return x.Name < y.Name
	})
	free := len(waiting)
	if most := project.Spec.Limits.MaxConcurrentRuns; most != nil {
		free = min(free, max(int(ptr.Deref(most, 0))-len(kept), 0))
	}
	if project.Spec.Suspend {
		free = 0
	}
	for _, run := range waiting[:free] {
		project.Status.LastRunNumber++
		kept = append(kept, api.ActiveRun{UID: string(run.UID), Name: run.Name, Number: project.Status.LastRunNumber, Generation: run.Generation})
	}
	project.Status.Active = kept
	return free > 0, len(waiting) - free
}

func projectOf(_ context.Context, object client.Object) []reconcile.Request {
	run, ok := object.(*api.ModelRun)
	if !ok {
		return nil
	}
	return []reconcile.Request{{NamespacedName: client.ObjectKey{Namespace: run.Namespace, Name: run.Spec.Project}}}
}

// A project is looked at when a run comes, ends, goes, or is no longer to be executed.
var mattersToProject = predicate.Funcs{
	CreateFunc: func(e event.CreateEvent) bool {
		run, ok := e.Object.(*api.ModelRun)
		return ok && !api.IsFinal(run.Status.Phase)
	},
	UpdateFunc: func(e event.UpdateEvent) bool {
		before, ok := e.ObjectOld.(*api.ModelRun)
		after, okAfter := e.ObjectNew.(*api.ModelRun)
		return ok && okAfter && (waits(before) != waits(after) && !holdsJob(after) || api.IsFinal(before.Status.Phase) != api.IsFinal(after.Status.Phase))
	},
}

func holdsJob(run *api.ModelRun) bool { return run.Status.JobName != "" }

// SetupWithManager adds the controller to the manager.
func (r *ProjectReconciler) SetupWithManager(mgr ctrl.Manager) error {
	return ctrl.NewControllerManagedBy(mgr).
		For(&api.ModelProject{}, builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		Watches(&api.ModelRun{}, handler.EnqueueRequestsFromMapFunc(projectOf), builder.WithPredicates(mattersToProject)).
		WithOptions(controller.Options{MaxConcurrentReconciles: 4}).
		Complete(r)
}
