package api

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

func copyOf[T any](value *T) *T {
	if value == nil {
		return nil
	}
	result := *value
	return &result
}

func copyOfRaw(raw *runtime.RawExtension) *runtime.RawExtension {
	if raw == nil {
		return nil
	}
	return raw.DeepCopy()
}

// DeepCopyInto copies the timeline.
func (in *Timeline) DeepCopyInto(out *Timeline) {
	*out = Timeline{
		Accepted: copyOf(in.Accepted), Resolved: copyOf(in.Resolved), Queued: copyOf(in.Queued), JobCreated: copyOf(in.JobCreated),
		Scheduled: copyOf(in.Scheduled), Started: copyOf(in.Started), Finished: copyOf(in.Finished), Recorded: copyOf(in.Recorded),
	}
}

// DeepCopyInto copies the status.
func (in *ModelRunStatus) DeepCopyInto(out *ModelRunStatus) {
	*out = *in
	out.ExitCode = copyOf(in.ExitCode)
	out.StartedAt = copyOf(in.StartedAt)
	out.FinishedAt = copyOf(in.FinishedAt)
	out.DurationSeconds = copyOf(in.DurationSeconds)
	out.Stdout = copyOf(in.Stdout)
	out.Stderr = copyOf(in.Stderr)
	out.StdoutTruncated = copyOf(in.StdoutTruncated)
	out.StderrTruncated = copyOf(in.StderrTruncated)
	out.Outputs = copyOfRaw(in.Outputs)
	out.Truncated = copyOf(in.Truncated)
	out.Error = copyOf(in.Error)
	out.ProjectSpec = copyOfRaw(in.ProjectSpec)
	in.Timeline.DeepCopyInto(&out.Timeline)
	out.Conditions = append([]Condition(nil), in.Conditions...)
}

// DeepCopyInto copies the run.
func (in *ModelRun) DeepCopyInto(out *ModelRun) {
	*out = *in
	in.ObjectMeta.DeepCopyInto(&out.ObjectMeta)
	out.Spec.Parameters = copyOfRaw(in.Spec.Parameters)
	out.Spec.TimeoutSeconds = copyOf(in.Spec.TimeoutSeconds)
	in.Status.DeepCopyInto(&out.Status)
}

// DeepCopy copies the run.
func (in *ModelRun) DeepCopy() *ModelRun {
	out := new(ModelRun)
	in.DeepCopyInto(out)
	return out
}

// DeepCopyObject copies the run.
func (in *ModelRun) DeepCopyObject() runtime.Object { return in.DeepCopy() }

// DeepCopyObject copies the list.
func (in *ModelRunList) DeepCopyObject() runtime.Object {
	out := &ModelRunList{TypeMeta: in.TypeMeta, ListMeta: *in.ListMeta.DeepCopy(), Items: make([]ModelRun, len(in.Items))}
	for i := range in.Items {
		in.Items[i].DeepCopyInto(&out.Items[i])
	}
	return out
}

// DeepCopyInto copies the project.
func (in *ModelProject) DeepCopyInto(out *ModelProject) {
	*out = *in
	in.ObjectMeta.DeepCopyInto(&out.ObjectMeta)
	out.Spec.Runtime.Command = append([]string(nil), in.Spec.Runtime.Command...)
	out.Spec.Runtime.Env = nil
	for _, variable := range in.Spec.Runtime.Env {
		out.Spec.Runtime.Env = append(out.Spec.Runtime.Env, *variable.DeepCopy())
	}
	in.Spec.Runtime.Resources.DeepCopyInto(&out.Spec.Runtime.Resources)
	out.Spec.Limits = Limits{
		TimeoutSeconds: copyOf(in.Spec.Limits.TimeoutSeconds), PendingSeconds: copyOf(in.Spec.Limits.PendingSeconds),
		MaxConcurrentRuns: copyOf(in.Spec.Limits.MaxConcurrentRuns),
	}
	out.Spec.History.PodSeconds = copyOf(in.Spec.History.PodSeconds)
	out.Status.Active = append([]ActiveRun(nil), in.Status.Active...)
	out.Status.Conditions = append([]Condition(nil), in.Status.Conditions...)
}

// DeepCopy copies the project.
func (in *ModelProject) DeepCopy() *ModelProject {
	out := new(ModelProject)
	in.DeepCopyInto(out)
	return out
}

// DeepCopyObject copies the project.
func (in *ModelProject) DeepCopyObject() runtime.Object { return in.DeepCopy() }

// DeepCopyObject copies the list.
func (in *ModelProjectList) DeepCopyObject() runtime.Object {
	out := &ModelProjectList{TypeMeta: in.TypeMeta, ListMeta: *in.ListMeta.DeepCopy(), Items: make([]ModelProject, len(in.Items))}
	for i := range in.Items {
		in.Items[i].DeepCopyInto(&out.Items[i])
	}
	return out
}

// SetCondition sets a condition, with the time only when its status changes.
func SetCondition(conditions []Condition, condition Condition, now metav1.Time) []Condition {
	condition.LastTransitionTime = now
	for i := range conditions {
		if conditions[i].Type != condition.Type {
			continue
		}
		if conditions[i].Status == condition.Status {
			condition.LastTransitionTime = conditions[i].LastTransitionTime
		}
		conditions[i] = condition
		return conditions
	}
	return append(conditions, condition)
}
