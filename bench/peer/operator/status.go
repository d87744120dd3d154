package operator

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/utils/ptr"

	"modelrun.dev/bench/peer/api"
)

// Reasons of the condition Succeeded.
const (
	reasonAdmitted  = "Starting"
	reasonRunning   = "Running"
	reasonSucceeded = "Succeeded"
	reasonModel     = "ModelFailed"
	reasonTimedOut  = "TimedOut"
	reasonCancelled = "Cancelled"
	reasonNoProject = "ProjectNotFound"
	reasonPodLost   = "PodLost"
)

const inlineBytes = 8 << 10

func digestOf(data []byte) string {
	sum := sha256.Sum256(data)
	return "sha256:" + hex.EncodeToString(sum[:])
}

func micro(t time.Time) *metav1.MicroTime { return ptr.To(metav1.NewMicroTime(t)) }

// say sets the conditions, and what else every status has.
func say(run *api.ModelRun, succeeded, finished, reconciling metav1.ConditionStatus, reason, message string, now time.Time) {
	status := &run.Status
	status.ObservedGeneration = run.Generation
	status.RunID = string(run.UID)
	status.Message = message
	if status.Timeline.Accepted == nil {
		status.Timeline.Accepted = micro(run.CreationTimestamp.Time)
	}
	set := func(kind string, value metav1.ConditionStatus) {
		status.Conditions = api.SetCondition(status.Conditions, api.Condition{
			Type: kind, Status: value, Reason: reason, Message: message, ObservedGeneration: run.Generation,
		}, metav1.NewTime(now))
	}
	set("Succeeded", succeeded)
	set("Finished", finished)
	set("Reconciling", reconciling)
	if succeeded == metav1.ConditionFalse {
		set("Stalled", metav1.ConditionTrue)
	}
}

// Pin fixes everything that the attempt depends on, before its Job is made.
func Pin(run *api.ModelRun, project *api.ModelProject, commit, branch string, number int64, settings *Settings, now time.Time) error {
	status := &run.Status
	projectSpec, err := json.Marshal(map[string]any{
		"source": project.Spec.Source, "runtime": project.Spec.Runtime, "limits": project.Spec.Limits,
	})
	if err != nil {
		return fmt.Errorf("encode the settings of project %s/%s: %w", project.Namespace, project.Name, err)
	}
	status.Phase = api.PhasePending
	status.RunNumber = number
	status.Branch = branch
	status.CommitSHA = commit
	status.CommitShort = commit[:min(12, len(commit))]
	status.Attempts = 1
	status.JobName = ChildName(run, status.Attempts)
	status.ProjectUID = string(project.UID)
	status.ProjectGeneration = project.Generation
	status.ProjectSpec = &runtime.RawExtension{Raw: projectSpec}
	status.Provenance.Image = project.Spec.Runtime.Image
	if status.Provenance.Image == "" {
		status.Provenance.Image = settings.DefaultImage
	}
	identity := append([]byte(commit+entryPoint(run)+status.Provenance.Image+string(project.UID)), projectSpec...)
	if run.Spec.Parameters != nil {
		status.Provenance.ParametersDigest = digestOf(run.Spec.Parameters.Raw)
		identity = append(identity, run.Spec.Parameters.Raw...)
	}
	status.Identity = digestOf(identity)
	status.Timeline.Resolved = micro(now)
	status.Timeline.Queued = micro(now)
	status.Timeline.JobCreated = micro(now)
	say(run, metav1.ConditionUnknown, metav1.ConditionFalse, metav1.ConditionTrue, reasonAdmitted, "waiting for the pod to start", now)
	return nil
}

// Start is the status that permits the pod to execute.
func Start(run *api.ModelRun, podName, podUID, nodeName, sourceDigest string, now time.Time) {
	status := &run.Status
	status.Phase = api.PhaseRunning
	status.PodName, status.PodUID, status.NodeName = podName, podUID, nodeName
	status.StartedAt = micro(now)
	status.Timeline.Started = micro(now)
	status.Provenance.SourceDigest = sourceDigest
	say(run, metav1.ConditionUnknown, metav1.ConditionFalse, metav1.ConditionTrue, reasonRunning, "the model runs", now)
}

func inline(stream api.Stream) (*string, *bool) {
	text := stream.Head
	truncated := stream.Tail != "" || len(text) > inlineBytes
	if truncated {
		tail := stream.Tail
		if tail == "" {
			tail = text
		}
		text = text[:min(inlineBytes/2, len(text))] + "\n[...]\n" + tail[max(0, len(tail)-inlineBytes/2):]
	}
	return &text, &truncated
}

func verdict(frame *api.Frame) (phase, reason, message string) {
	code := ptr.Deref(frame.Exit.Code, -1)
	switch {
	case frame.Exit.How == "TimedOut":
		return api.PhaseTimedOut, reasonTimedOut, "the model ran longer than it may"
	case frame.Exit.How == "Cancelled":
		return api.PhaseCancelled, reasonCancelled, "cancelled while it ran"
	case frame.Error != nil:
		return api.PhaseFailed, frame.Error.Reason, frame.Error.Message
	case frame.Exit.How == "Exited" && code == 0:
		return api.PhaseSucceeded, reasonSucceeded, "finished with exit code 0"
	default:
		return api.PhaseFailed, reasonModel, fmt.Sprintf("the model ended with exit code %d", code)
	}
}

// Finish is the final status of a run that handed in its result.
func Finish(run *api.ModelRun, frame *api.Frame, now time.Time) {
	status := &run.Status
	phase, reason, message := verdict(frame)
	status.ExitCode = frame.Exit.Code
	status.Stdout, status.StdoutTruncated = inline(frame.Stdout)
	status.Stderr, status.StderrTruncated = inline(frame.Stderr)
	status.Truncated = ptr.To(*status.StdoutTruncated || *status.StderrTruncated)
	if len(frame.Outputs) > 0 {
		status.Outputs = &runtime.RawExtension{Raw: frame.Outputs}
		status.Provenance.OutputsDigest = digestOf(frame.Outputs)
	}
	status.Provenance.Rings = frame.Rings
	if frame.Exit.StartedAt != nil && frame.Exit.FinishedAt != nil {
		took := frame.Exit.FinishedAt.Sub(*frame.Exit.StartedAt)
		status.DurationSeconds = ptr.To(took.Seconds())
		status.Duration = took.Round(10 * time.Millisecond).String()
		status.Timeline.Started = micro(*frame.Exit.StartedAt)
		status.Timeline.Finished = micro(*frame.Exit.FinishedAt)
	}
	end(run, phase, reason, message, now)
}

// end is what all final statuses have.
func end(run *api.ModelRun, phase, reason, message string, now time.Time) {
	status := &run.Status
	status.Phase = phase
	status.FinishedAt = micro(now)
	status.Timeline.Recorded = micro(now)
	status.ProjectSpec = nil
	for _, text := range []**string{&status.Stdout, &status.Stderr} {
		if *text == nil {
			*text = ptr.To("")
		}
	}
	succeeded := metav1.ConditionTrue
	if phase != api.PhaseSucceeded {
		succeeded = metav1.ConditionFalse
		status.Error = &api.RunError{Reason: reason, Message: message}
	}
	say(run, succeeded, metav1.ConditionTrue, metav1.ConditionFalse, reason, message, now)
}
