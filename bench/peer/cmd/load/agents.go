package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"

	"modelrun.dev/bench/peer/api"
)

const patience = time.Minute // with a run server that cannot be reached, or answers that it cannot serve now

// agent speaks to the run server for one pod. Like the real one it makes a connection for each request.
type agent struct {
	client *http.Client
	base   string
	token  string
	env    map[string]string
}

func environment(pod *corev1.Pod) map[string]string {
	env := map[string]string{}
	for _, container := range pod.Spec.Containers {
		if container.Name == api.AgentContainer {
			for _, variable := range container.Env {
				env[variable.Name] = variable.Value
			}
		}
	}
	return env
}

// token asks for what the kubelet would put into the pod.
func (l *Load) token(ctx context.Context, pod *corev1.Pod) (string, error) {
	answer, err := l.kube.CoreV1().ServiceAccounts(pod.Namespace).CreateToken(ctx, pod.Spec.ServiceAccountName, &authenticationv1.TokenRequest{
		Spec: authenticationv1.TokenRequestSpec{
			Audiences:         []string{api.TokenAudience},
			ExpirationSeconds: ptr.To[int64](600),
			BoundObjectRef:    &authenticationv1.BoundObjectReference{Kind: "Pod", APIVersion: "v1", Name: pod.Name, UID: pod.UID},
		},
	}, metav1.CreateOptions{})
	if err != nil {
		return "", fmt.Errorf("a token for pod %s/%s: %w", pod.Namespace, pod.Name, err)
	}
	return answer.Status.Token, nil
}

func (l *Load) newAgent(ctx context.Context, pod *corev1.Pod) (*agent, error) {
	env := environment(pod)
	authorities := x509.NewCertPool()
	if !authorities.AppendCertsFromPEM([]byte(env[api.EnvRunServerCA])) {
		return nil, fmt.Errorf("pod %s/%s has no authority in %s", pod.Namespace, pod.Name, api.EnvRunServerCA)
	}
	token, err := l.token(ctx, pod)
	if err != nil {
		return nil, err
	}
	transport := &http.Transport{
		DisableKeepAlives: true,
		TLSClientConfig:   &tls.Config{RootCAs: authorities, ServerName: env[api.EnvRunServerName], MinVersion: tls.VersionTLS12},
	}
	return &agent{
		client: &http.Client{Transport: transport, Timeout: 2 * time.Minute},
		base: fmt.Sprintf("https://%s%s%s/%s/%s/%s/", env[api.EnvRunServer], api.AttemptsPrefix, env[api.EnvNamespace],
			env[api.EnvRunName], env[api.EnvRunID], env[api.EnvAttempt]),
		token: token,
		env:   env,
	}, nil
}

// post sends a request until it is answered for good; `take` gets the body of a 200.
func (a *agent) post(ctx context.Context, what string, body []byte, take func(http.Header, []byte) error) error {
	wait := 50 * time.Millisecond
	for deadline := time.Now().Add(patience); ; wait = min(wait*2, 5*time.Second) {
		status, err := a.once(ctx, what, body, take)
		if err == nil && status == http.StatusOK {
			return nil
		}
		if err == nil && status != http.StatusServiceUnavailable && status != http.StatusTooManyRequests {
			return fmt.Errorf("POST %s: the run server answered %d", what, status)
		}
		if ctx.Err() != nil || time.Now().After(deadline) {
			return fmt.Errorf("POST %s: not answered for %v; at last with status %d, error %v", what, patience, status, err)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(wait/2 + rand.N(wait/2)):
		}
	}
}

func (a *agent) once(ctx context.Context, what string, body []byte, take func(http.Header, []byte) error) (int, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, a.base+what, bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	request.Header.Set("Authorization", "Bearer "+a.token)
	if len(body) > 0 {
		request.Header.Set("Content-Encoding", "gzip")
	}
	answer, err := a.client.Do(request)
	if err != nil {
		return 0, err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(io.LimitReader(answer.Body, 64<<20))
	if err != nil {
		return answer.StatusCode, err
	}
	if answer.StatusCode != http.StatusOK || take == nil {
		return answer.StatusCode, nil
	}
	return answer.StatusCode, take(answer.Header, text)
}

func checkSource(header http.Header, archive []byte) error {
	digest := sha256.Sum256(archive)
	if got := header.Get(api.DigestHeader); got != hex.EncodeToString(digest[:]) {
		return fmt.Errorf("the source has another digest than %s says, %q", api.DigestHeader, got)
	}
	return nil
}

// speak does what the agent of a model does that ends at once.
func (l *Load) speak(ctx context.Context, pod *corev1.Pod) error {
	agent, err := l.newAgent(ctx, pod)
	if err != nil {
		return err
	}
	started := time.Now().UTC()
	if err := agent.post(ctx, "source", nil, checkSource); err != nil || l.options.hold {
		return err
	}
	frame, err := packedFrame(agent.env[api.EnvRunID], started)
	if err != nil {
		return err
	}
	return agent.post(ctx, "result", frame, nil)
}

func newFrame(run string, started time.Time) api.Frame {
	finished := time.Now().UTC()
	return api.Frame{
		RunUID: run, Attempt: 1,
		Exit:    api.Exit{How: "Exited", Code: ptr.To[int32](0), StartedAt: &started, FinishedAt: &finished},
		Stdout:  api.Stream{Head: strings.Repeat("a line of what a model prints\n", 10), TotalBytes: 300},
		Outputs: json.RawMessage(`{"answer":42,"series":[1,2,3,4,5,6,7,8,9,10]}`),
		Rings:   "process,seccomp,landlock",
	}
}

func packedFrame(run string, started time.Time) ([]byte, error) {
	var packed bytes.Buffer
	zip := gzip.NewWriter(&packed)
	if err := json.NewEncoder(zip).Encode(newFrame(run, started)); err != nil {
		return nil, err
	}
	if err := zip.Close(); err != nil {
		return nil, err
	}
	return packed.Bytes(), nil
}

// endPod reports the pod's end as its kubelet would.
func (l *Load) endPod(ctx context.Context, pod *corev1.Pod) {
	now := metav1.Now()
	ended := corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{Reason: "Completed", FinishedAt: now, StartedAt: now}}
	patch, err := json.Marshal(map[string]any{
		"metadata": map[string]any{"uid": pod.UID},
		"status": map[string]any{
			"phase": corev1.PodSucceeded,
			"containerStatuses": []map[string]any{
				{"name": api.AgentContainer, "state": ended, "ready": false, "restartCount": 0, "image": "agent", "imageID": "agent"},
				{"name": api.ModelContainer, "state": ended, "ready": false, "restartCount": 0, "image": "model", "imageID": "model"},
			},
		},
	})
	if err == nil {
		_, err = l.kube.CoreV1().Pods(pod.Namespace).Patch(ctx, pod.Name, types.StrategicMergePatchType, patch, metav1.PatchOptions{}, "status")
	}
	if err != nil && ctx.Err() == nil {
		l.book.agentFailed(pod.Labels[api.LabelRunUID], fmt.Errorf("report the end of pod %s/%s: %w", pod.Namespace, pod.Name, err))
	}
}
