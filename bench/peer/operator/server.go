package operator

import (
	"compress/gzip"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"modelrun.dev/bench/peer/api"
)

const (
	reviewedFor = time.Minute // how long a token's review is remembered
	maxReviews  = 20_000
	maxFrame    = 16 << 20
	orderWait   = 25 * time.Second
)

// RunServer serves the pods: sources out, results in.
type RunServer struct {
	Address     string
	Certificate tls.Certificate
	Kube        kubernetes.Interface
	Reader      client.Reader // caches
	Inbox       *Inbox
	Sources     *Sources
	Woken       chan event.TypedGenericEvent[client.ObjectKey]

	mutex   sync.Mutex
	reviews map[[sha256.Size]byte]review
}

type review struct {
	pod podIdentity
	at  time.Time
}

type podIdentity struct{ namespace, name, uid string }

// attemptRef is what a request is about.
type attemptRef struct {
	run     client.ObjectKey
	uid     string
	attempt int64
	action  string
}

type httpError struct {
	status  int
	message string
}

func (e *httpError) Error() string { return e.message }

var errUnknown = &httpError{http.StatusServiceUnavailable, "not known (yet); ask again"}

// NeedLeaderElection has the server run on the leader only.
func (s *RunServer) NeedLeaderElection() bool { return true }

// Start serves until ctx ends.
func (s *RunServer) Start(ctx context.Context) error {
	s.reviews = map[[sha256.Size]byte]review{}
	server := &http.Server{
		Addr: s.Address, Handler: s, ReadHeaderTimeout: 10 * time.Second, MaxHeaderBytes: 16 << 10,
		TLSConfig: &tls.Config{Certificates: []tls.Certificate{s.Certificate}, MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"}},
	}
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	if err := server.ListenAndServeTLS("", ""); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve pods at %s: %w", s.Address, err)
	}
	return nil
}

func (s *RunServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if err := s.serve(w, r); err != nil {
		status := http.StatusServiceUnavailable
		var known *httpError
		switch {
		case errors.As(err, &known):
			status = known.status
		case errors.Is(err, errOver):
			status = http.StatusConflict
		case errors.Is(err, errDenied):
			status = http.StatusForbidden
		}
		if status == http.StatusServiceUnavailable {
			w.Header().Set("Retry-After", "1")
		}
		http.Error(w, err.Error(), status)
	}
}

func parseRef(path string) (attemptRef, error) {
	parts := strings.Split(strings.TrimPrefix(path, api.AttemptsPrefix), "/")
	if !strings.HasPrefix(path, api.AttemptsPrefix) || len(parts) != 5 {
		return attemptRef{}, &httpError{http.StatusNotFound, "no such path"}
	}
	attempt, err := strconv.ParseInt(parts[3], 10, 64)
	if err != nil {
		return attemptRef{}, &httpError{http.StatusNotFound, "no such attempt"}
	}
	return attemptRef{client.ObjectKey{Namespace: parts[0], Name: parts[1]}, parts[2], attempt, parts[4]}, nil
}

func (s *RunServer) serve(w http.ResponseWriter, r *http.Request) error {
	if r.Method != http.MethodPost {
		return &httpError{http.StatusMethodNotAllowed, "POST only"}
	}
	ref, err := parseRef(r.URL.Path)
	if err != nil {
		return err
	}
	pod, err := s.authenticate(r)
	if err != nil {
		return err
	}
	run, seen, err := s.find(r.Context(), ref, pod)
	if err != nil {
		return err
	}
	switch ref.action {
	case "source":
		return s.giveSource(w, r, ref, run, seen)
	case "result":
		return s.takeResult(w, r, ref, pod)
	case "control":
		return s.order(w, r, ref)
	default:
		return &httpError{http.StatusNotFound, "no such path"}
	}
}

// authenticate has the token reviewed, once a minute.
func (s *RunServer) authenticate(r *http.Request) (podIdentity, error) {
	token, found := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !found || len(token) > 8<<10 {
		return podIdentity{}, &httpError{http.StatusUnauthorized, "no bearer token"}
	}
	key := sha256.Sum256([]byte(token))
	s.mutex.Lock()
	known, cached := s.reviews[key]
	s.mutex.Unlock()
	if cached && time.Since(known.at) < reviewedFor {
		return known.pod, nil
	}
	answer, err := s.Kube.AuthenticationV1().TokenReviews().Create(r.Context(), &authenticationv1.TokenReview{
		Spec: authenticationv1.TokenReviewSpec{Token: token, Audiences: []string{api.TokenAudience}},
	}, metav1.CreateOptions{})
	if err != nil {
		return podIdentity{}, fmt.Errorf("review a token: %w", err)
	}
	extra := answer.Status.User.Extra
	names, uids := extra["authentication.kubernetes.io/pod-name"], extra["authentication.kubernetes.io/pod-uid"]
	account := strings.Split(answer.Status.User.Username, ":") // system:serviceaccount:NAMESPACE:NAME
	if !answer.Status.Authenticated || len(names) != 1 || len(uids) != 1 || len(account) != 4 {
		return podIdentity{}, &httpError{http.StatusUnauthorized, "not a pod's token"}
	}
	pod := podIdentity{account[2], names[0], uids[0]}
	s.remember(key, pod)
	return pod, nil
}

func (s *RunServer) remember(key [sha256.Size]byte, pod podIdentity) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if len(s.reviews) >= maxReviews {
		for old, known := range s.reviews {
			if time.Since(known.at) >= reviewedFor {
				delete(s.reviews, old)
			}
		}
		if len(s.reviews) >= maxReviews {
			clear(s.reviews)
		}
	}
	s.reviews[key] = review{pod, time.Now()}
}

// find gives the run if the pod is its attempt's.
func (s *RunServer) find(ctx context.Context, ref attemptRef, pod podIdentity) (*api.ModelRun, *corev1.Pod, error) {
	run, seen := &api.ModelRun{}, &corev1.Pod{}
	if err := s.Reader.Get(ctx, ref.run, run); err != nil || string(run.UID) != ref.uid || run.Status.Attempts < ref.attempt && !api.IsFinal(run.Status.Phase) {
		return nil, nil, errUnknown
	}
	if api.IsFinal(run.Status.Phase) || run.Status.Attempts > ref.attempt {
		return nil, nil, errOver
	}
	if err := s.Reader.Get(ctx, client.ObjectKey{Namespace: pod.namespace, Name: pod.name}, seen); err != nil {
		return nil, nil, errUnknown
	}
	owner := metav1.GetControllerOf(seen)
	if pod.namespace != ref.run.Namespace || string(seen.UID) != pod.uid || owner == nil || owner.Kind != "Job" || owner.Name != run.Status.JobName {
		return nil, nil, errDenied
	}
	return run, seen, nil
}

func (s *RunServer) wake(key client.ObjectKey) {
	s.Woken <- event.TypedGenericEvent[client.ObjectKey]{Object: key}
}

func await(ctx context.Context, done <-chan error) error {
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *RunServer) giveSource(w http.ResponseWriter, r *http.Request, ref attemptRef, run *api.ModelRun, pod *corev1.Pod) error {
	done := s.Inbox.addClaim(ref.uid, pod.Name, string(pod.UID), pod.Spec.NodeName)
	s.wake(ref.run)
	if err := await(r.Context(), done); err != nil {
		return err
	}
	project := &api.ModelProject{}
	if err := s.Reader.Get(r.Context(), client.ObjectKey{Namespace: run.Namespace, Name: run.Spec.Project}, project); err != nil {
		return fmt.Errorf("read project %s: %w", run.Spec.Project, err)
	}
	archive, err := s.Sources.Fetch(r.Context(), project.Spec.Source.Git.URL, run.Status.CommitSHA)
	if err != nil {
		return err
	}
	w.Header().Set(api.DigestHeader, archive.Digest)
	w.Header().Set("Content-Type", "application/gzip")
	if _, err := w.Write(archive.Bytes); err != nil {
		log.FromContext(r.Context()).V(1).Info("the source was not sent whole", "run", ref.run, "error", err)
	}
	return nil
}

func (s *RunServer) takeResult(w http.ResponseWriter, r *http.Request, ref attemptRef, pod podIdentity) error {
	body := io.Reader(http.MaxBytesReader(w, r.Body, maxFrame))
	if r.Header.Get("Content-Encoding") == "gzip" {
		unpacked, err := gzip.NewReader(body)
		if err != nil {
			return &httpError{http.StatusBadRequest, "not gzip"}
		}
		body = io.LimitReader(unpacked, maxFrame)
	}
	frame := &api.Frame{}
	if err := json.NewDecoder(body).Decode(frame); err != nil || frame.RunUID != ref.uid {
		return &httpError{http.StatusBadRequest, "not a result of this run"}
	}
	done := s.Inbox.addResult(ref.uid, pod.uid, frame)
	s.wake(ref.run)
	if err := await(r.Context(), done); err != nil {
		return err
	}
	w.WriteHeader(http.StatusOK)
	return nil
}

// order is a long poll; it looks for a cancel when it begins and when it ends.
func (s *RunServer) order(w http.ResponseWriter, r *http.Request, ref attemptRef) error {
	for range 2 {
		run := &api.ModelRun{}
		if err := s.Reader.Get(r.Context(), ref.run, run); err != nil || api.IsFinal(run.Status.Phase) {
			return errOver
		}
		if run.Spec.Cancel {
			_, err := io.WriteString(w, `{"action":"cancel"}`)
			return err
		}
		select {
		case <-r.Context().Done():
			return nil
		case <-time.After(orderWait / 2):
		}
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}
