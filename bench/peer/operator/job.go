package operator

import (
	"hash/fnv"
	"strconv"
	"strings"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"modelrun.dev/bench/peer/api"
)

// Settings are those of the operator, by its flags.
type Settings struct {
	AgentImage      string
	DefaultImage    string
	RunServer       string // IP:PORT
	RunServerName   string
	RunServerCA     string // PEM
	MaxTimeout      int64
	ImagePullPolicy corev1.PullPolicy
}

// ChildName is the name of the attempt's Job and of its ConfigMap.
func ChildName(run *api.ModelRun, attempt int64) string {
	tail := "-" + string(run.UID)[:8] + "-" + strconv.FormatInt(attempt, 10)
	head := run.Name
	if len(head) > 63-len(tail) {
		head = strings.TrimRight(head[:63-len(tail)], "-.")
	}
	return head + tail
}

func timeoutOf(run *api.ModelRun, project *api.ModelProject, settings *Settings) int64 {
	timeout := int64(ptr.Deref(project.Spec.Limits.TimeoutSeconds, 300))
	if run.Spec.TimeoutSeconds != nil {
		timeout = int64(*run.Spec.TimeoutSeconds)
	}
	return min(timeout, settings.MaxTimeout)
}

func entryPoint(run *api.ModelRun) string {
	if run.Spec.Scope == "model" {
		return "model/" + run.Spec.ModelName + ".py"
	}
	return "run.py"
}

func securityContext() *corev1.SecurityContext {
	return &corev1.SecurityContext{
		AllowPrivilegeEscalation: ptr.To(false), ReadOnlyRootFilesystem: ptr.To(true), RunAsNonRoot: ptr.To(true),
		Capabilities: &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
	}
}

func resources(cpu, memory, cpuLimit, memoryLimit, storageLimit string) corev1.ResourceRequirements {
	return corev1.ResourceRequirements{
		Requests: corev1.ResourceList{
			corev1.ResourceCPU: resource.MustParse(cpu), corev1.ResourceMemory: resource.MustParse(memory),
			corev1.ResourceEphemeralStorage: resource.MustParse("1Mi"),
		},
		Limits: corev1.ResourceList{
			corev1.ResourceCPU: resource.MustParse(cpuLimit), corev1.ResourceMemory: resource.MustParse(memoryLimit),
			corev1.ResourceEphemeralStorage: resource.MustParse(storageLimit),
		},
	}
}

func mount(name, path string, readOnly bool) corev1.VolumeMount {
	return corev1.VolumeMount{Name: name, MountPath: path, ReadOnly: readOnly}
}

func agentContainer(run *api.ModelRun, pending int64, settings *Settings) corev1.Container {
	return corev1.Container{
		Name: api.AgentContainer, Image: settings.AgentImage, ImagePullPolicy: settings.ImagePullPolicy,
		Command: []string{"/modelrun-sandbox", "agent"},
		Env: []corev1.EnvVar{
			{Name: api.EnvRunServer, Value: settings.RunServer},
			{Name: api.EnvRunServerName, Value: settings.RunServerName},
			{Name: api.EnvRunServerCA, Value: settings.RunServerCA},
			{Name: api.EnvNamespace, Value: run.Namespace},
			{Name: "MODELRUN_CONNECT_SECONDS", Value: strconv.FormatInt(pending+60, 10)},
			{Name: "MODELRUN_STDOUT_BYTES", Value: "262144"},
			{Name: "MODELRUN_OUTPUT_BYTES", Value: "1048576"},
			{Name: "MODELRUN_ARTIFACT_BYTES", Value: "4194304"},
			{Name: "MODELRUN_AGENT_SOCKET", Value: "modelrun-agent"},
			{Name: api.EnvRunName, Value: run.Name},
			{Name: api.EnvRunID, Value: string(run.UID)},
			{Name: api.EnvAttempt, Value: strconv.FormatInt(run.Status.Attempts, 10)},
		},
		Resources:       resources("10m", "16Mi", "1", "192Mi", "1280Mi"),
		SecurityContext: securityContext(),
		VolumeMounts: []corev1.VolumeMount{
			mount("repo", "/repo", false), mount("outputs", "/outputs", true), mount("token", "/var/run/secrets/modelrun.dev", true),
		},
	}
}

func modelCommand(run *api.ModelRun, project *api.ModelProject) []string {
	command := []string{"/modelrun/modelrun-sandbox", "exec", "--"}
	if len(project.Spec.Runtime.Command) == 0 {
		return append(command, "python3", "-I", "-B", "-u", "/modelrun/harness.py")
	}
	for _, word := range project.Spec.Runtime.Command {
		command = append(command, strings.Replace(word, "$(ENTRYPOINT)", entryPoint(run), 1))
	}
	return command
}

// modelResources are the project's, and defaults for what it does not name.
func modelResources(project *api.ModelProject) corev1.ResourceRequirements {
	result := resources("50m", "64Mi", "1", "1Gi", "64Mi")
	for name, quantity := range project.Spec.Runtime.Resources.Requests {
		result.Requests[name] = quantity
		if limit, found := result.Limits[name]; !found || quantity.Cmp(limit) > 0 {
			result.Limits[name] = quantity
		}
	}
	for name, quantity := range project.Spec.Runtime.Resources.Limits {
		result.Limits[name] = quantity
		if request, found := result.Requests[name]; found && request.Cmp(quantity) > 0 {
			result.Requests[name] = quantity
		}
	}
	return result
}

func modelContainer(run *api.ModelRun, project *api.ModelProject, settings *Settings) corev1.Container {
	env := append([]corev1.EnvVar(nil), project.Spec.Runtime.Env...)
	env = append(env,
		corev1.EnvVar{Name: "MODELRUN_LANDLOCK", Value: "optional"},
		corev1.EnvVar{Name: "MODELRUN_AGENT_SOCKET", Value: "modelrun-agent"},
		corev1.EnvVar{Name: "MODELRUN_TIMEOUT_SECONDS", Value: strconv.FormatInt(timeoutOf(run, project, settings), 10)},
		corev1.EnvVar{Name: api.EnvRunID, Value: string(run.UID)},
		corev1.EnvVar{Name: "MODELRUN_PROJECT", Value: run.Spec.Project},
		corev1.EnvVar{Name: "MODELRUN_COMMIT_SHA", Value: run.Status.CommitSHA},
		corev1.EnvVar{Name: "MODELRUN_SCOPE", Value: run.Spec.Scope},
		corev1.EnvVar{Name: "MODELRUN_ENTRYPOINT", Value: entryPoint(run)},
	)
	mounts := []corev1.VolumeMount{
		mount("modelrun", "/modelrun", true), mount("repo", "/repo", true), mount("outputs", "/outputs", false), mount("tmp", "/tmp", false),
	}
	if run.Spec.Scope == "project" {
		mounts = append(mounts, mount("upstream", "/upstream", false))
	}
	if run.Spec.Parameters != nil {
		mounts = append(mounts, mount("inputs", "/inputs", true))
	}
	return corev1.Container{
		Name: api.ModelContainer, Image: run.Status.Provenance.Image, ImagePullPolicy: settings.ImagePullPolicy,
		Command: modelCommand(run, project), Env: env, WorkingDir: "/repo", Resources: modelResources(project),
		SecurityContext: securityContext(), VolumeMounts: mounts,
	}
}

func memoryVolume(name, size string) corev1.Volume {
	limit := resource.MustParse(size)
	return corev1.Volume{Name: name, VolumeSource: corev1.VolumeSource{
		EmptyDir: &corev1.EmptyDirVolumeSource{Medium: corev1.StorageMediumMemory, SizeLimit: &limit},
	}}
}

func volumes(run *api.ModelRun, settings *Settings) []corev1.Volume {
	repo := resource.MustParse("1Gi")
	all := []corev1.Volume{
		{Name: "modelrun", VolumeSource: corev1.VolumeSource{
			Image: &corev1.ImageVolumeSource{Reference: settings.AgentImage, PullPolicy: settings.ImagePullPolicy},
		}},
		{Name: "repo", VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{SizeLimit: &repo}}},
		memoryVolume("outputs", "64Mi"),
		memoryVolume("tmp", "64Mi"),
		{Name: "token", VolumeSource: corev1.VolumeSource{Projected: &corev1.ProjectedVolumeSource{
			Sources: []corev1.VolumeProjection{{ServiceAccountToken: &corev1.ServiceAccountTokenProjection{
				Audience: api.TokenAudience, ExpirationSeconds: ptr.To[int64](600), Path: "token",
			}}},
		}}},
	}
	if run.Spec.Scope == "project" {
		all = append(all, memoryVolume("upstream", "64Mi"))
	}
	if run.Spec.Parameters != nil {
		all = append(all, corev1.Volume{Name: "inputs", VolumeSource: corev1.VolumeSource{
			ConfigMap: &corev1.ConfigMapVolumeSource{LocalObjectReference: corev1.LocalObjectReference{Name: run.Status.JobName}},
		}})
	}
	return all
}

func toleration(key string) corev1.Toleration {
	return corev1.Toleration{Key: key, Operator: corev1.TolerationOpExists, Effect: corev1.TaintEffectNoExecute, TolerationSeconds: ptr.To[int64](60)}
}

func userID(uid string) int64 {
	hash := fnv.New64a()
	hash.Write([]byte(uid))
	return 1_000_000 + int64(hash.Sum64()%1_000_000_000)
}

func podSpec(run *api.ModelRun, project *api.ModelProject, settings *Settings) corev1.PodSpec {
	pending := int64(ptr.Deref(project.Spec.Limits.PendingSeconds, 600))
	user := userID(string(run.UID))
	return corev1.PodSpec{
		RestartPolicy:                 corev1.RestartPolicyNever,
		ActiveDeadlineSeconds:         ptr.To(pending + timeoutOf(run, project, settings) + 60),
		TerminationGracePeriodSeconds: ptr.To[int64](30),
		AutomountServiceAccountToken:  ptr.To(false),
		EnableServiceLinks:            ptr.To(false),
		SecurityContext: &corev1.PodSecurityContext{
			RunAsNonRoot: ptr.To(true), RunAsUser: &user, RunAsGroup: &user,
			SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
		},
		Containers:  []corev1.Container{agentContainer(run, pending, settings), modelContainer(run, project, settings)},
		Volumes:     volumes(run, settings),
		Tolerations: []corev1.Toleration{toleration("node.kubernetes.io/not-ready"), toleration("node.kubernetes.io/unreachable")},
	}
}

// OwnerOf refers to an object that owns a child.
func OwnerOf(kind string, meta *metav1.ObjectMeta) metav1.OwnerReference {
	return metav1.OwnerReference{
		APIVersion: api.GroupVersion.String(), Kind: kind, Name: meta.Name, UID: meta.UID, Controller: ptr.To(true), BlockOwnerDeletion: ptr.To(false),
	}
}

// BuildJob builds the Job of a run that is pinned.
func BuildJob(run *api.ModelRun, project *api.ModelProject, settings *Settings) *batchv1.Job {
	labels := map[string]string{
		api.LabelRunUID: string(run.UID), api.LabelProject: run.Spec.Project,
		api.LabelAttempt: strconv.FormatInt(run.Status.Attempts, 10), api.LabelManagedBy: api.ManagedBy,
	}
	annotations := map[string]string{"kubectl.kubernetes.io/default-container": api.ModelContainer, api.AnnotationRun: run.Name}
	policy := batchv1.Failed
	return &batchv1.Job{
		ObjectMeta: metav1.ObjectMeta{
			Name: run.Status.JobName, Namespace: run.Namespace, Labels: labels, Annotations: annotations,
			OwnerReferences: []metav1.OwnerReference{OwnerOf("ModelRun", &run.ObjectMeta)},
		},
		Spec: batchv1.JobSpec{
			BackoffLimit: ptr.To[int32](0), Completions: ptr.To[int32](1), Parallelism: ptr.To[int32](1), PodReplacementPolicy: &policy,
			PodFailurePolicy: &batchv1.PodFailurePolicy{Rules: []batchv1.PodFailurePolicyRule{{
				Action: batchv1.PodFailurePolicyActionFailJob,
				OnPodConditions: []batchv1.PodFailurePolicyOnPodConditionsPattern{
					{Type: corev1.DisruptionTarget, Status: corev1.ConditionTrue},
				},
			}}},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels, Annotations: annotations},
				Spec:       podSpec(run, project, settings),
			},
		},
	}
}
