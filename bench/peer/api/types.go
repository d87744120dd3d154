// Package api has the Go types of ModelRun and ModelProject, as far as the peer and the load program use them.
package api

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// GroupVersion of the CRDs in crds/.
var GroupVersion = schema.GroupVersion{Group: "modelrun.dev", Version: "v1alpha1"}

// Labels and annotations of a run's Job and Pod.
const (
	LabelRunUID    = "modelrun.dev/run-uid"
	LabelProject   = "modelrun.dev/project"
	LabelAttempt   = "modelrun.dev/attempt"
	LabelManagedBy = "app.kubernetes.io/managed-by"
	ManagedBy      = "modelrun"
	AnnotationRun  = "modelrun.dev/run"
)

// ModelRun is one execution of a project's code.
type ModelRun struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`
	Spec              ModelRunSpec   `json:"spec"`
	Status            ModelRunStatus `json:"status,omitempty"`
}

// ModelRunList is a list of runs.
type ModelRunList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []ModelRun `json:"items"`
}

// ModelRunSpec says what to run.
type ModelRunSpec struct {
	Project        string                `json:"project"`
	Scope          string                `json:"scope"`
	ModelName      string                `json:"modelName,omitempty"`
	Branch         string                `json:"branch,omitempty"`
	CommitSHA      string                `json:"commitSHA,omitempty"`
	Parameters     *runtime.RawExtension `json:"parameters,omitempty"`
	TimeoutSeconds *int32                `json:"timeoutSeconds,omitempty"`
	Cancel         bool                  `json:"cancel,omitempty"`
}

// The phases of a run.
const (
	PhasePending   = "Pending"
	PhaseRunning   = "Running"
	PhaseSucceeded = "Succeeded"
	PhaseFailed    = "Failed"
	PhaseTimedOut  = "TimedOut"
	PhaseCancelled = "Cancelled"
)

// IsFinal says whether a run of this phase has ended.
func IsFinal(phase string) bool {
	return phase == PhaseSucceeded || phase == PhaseFailed || phase == PhaseTimedOut || phase == PhaseCancelled
}

// ModelRunStatus is what the operator writes.
type ModelRunStatus struct {
	ObservedGeneration int64                 `json:"observedGeneration"`
	Phase              string                `json:"phase,omitempty"`
	RunID              string                `json:"runID,omitempty"`
	RunNumber          int64                 `json:"runNumber,omitempty"`
	Branch             string                `json:"branch,omitempty"`
	CommitSHA          string                `json:"commitSHA,omitempty"`
	CommitShort        string                `json:"commitShort,omitempty"`
	ExitCode           *int32                `json:"exitCode,omitempty"`
	StartedAt          *metav1.MicroTime     `json:"startedAt,omitempty"`
	FinishedAt         *metav1.MicroTime     `json:"finishedAt,omitempty"`
	DurationSeconds    *float64              `json:"durationSeconds,omitempty"`
	Duration           string                `json:"duration,omitempty"`
	Stdout             *string               `json:"stdout,omitempty"`
	Stderr             *string               `json:"stderr,omitempty"`
	StdoutTruncated    *bool                 `json:"stdoutTruncated,omitempty"`
	StderrTruncated    *bool                 `json:"stderrTruncated,omitempty"`
	Outputs            *runtime.RawExtension `json:"outputs,omitempty"`
	Truncated          *bool                 `json:"truncated,omitempty"`
	Error              *RunError             `json:"error,omitempty"`
	Message            string                `json:"message,omitempty"`
	JobName            string                `json:"jobName,omitempty"`
	PodName            string                `json:"podName,omitempty"`
	PodUID             string                `json:"podUID,omitempty"`
	NodeName           string                `json:"nodeName,omitempty"`
	Attempts           int64                 `json:"attempts,omitempty"`
	ProjectUID         string                `json:"projectUID,omitempty"`
	ProjectGeneration  int64                 `json:"projectGeneration,omitempty"`
	ProjectSpec        *runtime.RawExtension `json:"projectSpec,omitempty"`
	Identity           string                `json:"identity,omitempty"`
	Timeline           Timeline              `json:"timeline,omitempty"`
	Provenance         Provenance            `json:"provenance,omitempty"`
	Conditions         []Condition           `json:"conditions,omitempty"`
}

// RunError says why a run did not succeed.
type RunError struct {
	Reason  string `json:"reason"`
	Message string `json:"message"`
}

// Timeline has when the run reached each step.
type Timeline struct {
	Accepted   *metav1.MicroTime `json:"accepted,omitempty"`
	Resolved   *metav1.MicroTime `json:"resolved,omitempty"`
	Queued     *metav1.MicroTime `json:"queued,omitempty"`
	JobCreated *metav1.MicroTime `json:"jobCreated,omitempty"`
	Scheduled  *metav1.MicroTime `json:"scheduled,omitempty"`
	Started    *metav1.MicroTime `json:"started,omitempty"`
	Finished   *metav1.MicroTime `json:"finished,omitempty"`
	Recorded   *metav1.MicroTime `json:"recorded,omitempty"`
}

// Provenance is what the result was made from.
type Provenance struct {
	Image            string `json:"image,omitempty"`
	ImageID          string `json:"imageID,omitempty"`
	ParametersDigest string `json:"parametersDigest,omitempty"`
	SourceDigest     string `json:"sourceDigest,omitempty"`
	OutputsDigest    string `json:"outputsDigest,omitempty"`
	Rings            string `json:"rings,omitempty"`
}

// Condition is metav1.Condition without its rules, as the CRDs have it.
type Condition struct {
	Type               string                 `json:"type"`
	Status             metav1.ConditionStatus `json:"status"`
	ObservedGeneration int64                  `json:"observedGeneration,omitempty"`
	LastTransitionTime metav1.Time            `json:"lastTransitionTime"`
	Reason             string                 `json:"reason"`
	Message            string                 `json:"message"`
}

// ModelProject says where code is, and how its runs are executed.
type ModelProject struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`
	Spec              ModelProjectSpec   `json:"spec"`
	Status            ModelProjectStatus `json:"status,omitempty"`
}

// ModelProjectList is a list of projects.
type ModelProjectList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []ModelProject `json:"items"`
}

// ModelProjectSpec has the settings of a project.
type ModelProjectSpec struct {
	Source  Source  `json:"source"`
	Runtime Runtime `json:"runtime,omitempty"`
	Limits  Limits  `json:"limits,omitempty"`
	History History `json:"history,omitempty"`
	Suspend bool    `json:"suspend,omitempty"`
}

// Source is where the code is.
type Source struct {
	Git GitSource `json:"git"`
}

// GitSource is a git repository.
type GitSource struct {
	URL           string `json:"url"`
	DefaultBranch string `json:"defaultBranch,omitempty"`
}

// Runtime is in what the code runs.
type Runtime struct {
	Image     string                      `json:"image,omitempty"`
	Command   []string                    `json:"command,omitempty"`
	Env       []corev1.EnvVar             `json:"env,omitempty"`
	Resources corev1.ResourceRequirements `json:"resources,omitempty"`
}

// Limits bound what runs may use.
type Limits struct {
	TimeoutSeconds    *int32 `json:"timeoutSeconds,omitempty"`
	PendingSeconds    *int32 `json:"pendingSeconds,omitempty"`
	MaxConcurrentRuns *int32 `json:"maxConcurrentRuns,omitempty"`
}

// History says what is kept of finished runs.
type History struct {
	PodSeconds *int32 `json:"podSeconds,omitempty"`
}

// ModelProjectStatus has who holds a slot.
type ModelProjectStatus struct {
	ObservedGeneration int64       `json:"observedGeneration"`
	LastRunNumber      int64       `json:"lastRunNumber"`
	Active             []ActiveRun `json:"active"`
	ActiveRuns         int64       `json:"activeRuns"`
	QueuedRuns         int64       `json:"queuedRuns"`
	DefaultBranch      string      `json:"defaultBranch,omitempty"`
	LastCommit         string      `json:"lastCommit,omitempty"`
	Conditions         []Condition `json:"conditions,omitempty"`
}

// ActiveRun is a run that holds a slot.
type ActiveRun struct {
	UID        string `json:"uid"`
	Name       string `json:"name"`
	Number     int64  `json:"number"`
	Generation int64  `json:"generation"`
}

// AddToScheme adds the types to a scheme.
func AddToScheme(scheme *runtime.Scheme) error {
	scheme.AddKnownTypes(GroupVersion, &ModelRun{}, &ModelRunList{}, &ModelProject{}, &ModelProjectList{})
	metav1.AddToGroupVersion(scheme, GroupVersion)
	return nil
}
