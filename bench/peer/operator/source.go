package operator

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"modelrun.dev/bench/peer/api"
)

const (
	resolvedFor = 10 * time.Second // how long a branch's commit is remembered
	gitTime     = 60 * time.Second
)

// Archive is the source of a commit.
type Archive struct {
	Bytes  []byte // gzip-compressed tar
	Digest string // hex digits of its SHA-256
}

// Sources resolves branches and fetches commits, each once for all runs.
type Sources struct {
	folder string

	mutex    sync.Mutex
	resolved map[string]*resolution
	archives map[string]*fetched
}

type resolution struct {
	once   sync.Once
	at     time.Time
	commit string
	err    error
}

type fetched struct {
	once    sync.Once
	archive *Archive
	err     error
}

// NewSources keeps its repositories in `folder`.
func NewSources(folder string) *Sources {
	return &Sources{folder: folder, resolved: map[string]*resolution{}, archives: map[string]*fetched{}}
}

func git(ctx context.Context, folder string, args ...string) ([]byte, error) {
	limited, done := context.WithTimeout(ctx, gitTime)
	defer done()
	command := exec.CommandContext(limited, "git", args...)
	command.Dir = folder
	command.Env = append(os.Environ(), "GIT_TERMINAL_PROMPT=0", "GIT_CONFIG_NOSYSTEM=1")
	var complaint bytes.Buffer
	command.Stderr = &complaint
	answer, err := command.Output()
	if err != nil {
		return nil, fmt.Errorf("git %s: %w: %s", args[0], err, strings.TrimSpace(complaint.String()))
	}
	return answer, nil
}

// Resolve gives the commit of a run, and the branch that it was looked up by.
func (s *Sources) Resolve(ctx context.Context, project *api.ModelProject, run *api.ModelRun) (commit, branch string, err error) {
	if run.Spec.CommitSHA != "" {
		return run.Spec.CommitSHA, "", nil
	}
	branch = run.Spec.Branch
	if branch == "" {
		branch = project.Spec.Source.Git.DefaultBranch
	}
	if branch == "" {
		branch = "main"
	}
	url := project.Spec.Source.Git.URL
	key := url + " " + branch
	s.mutex.Lock()
	known := s.resolved[key]
	if known == nil || (!known.at.IsZero() && time.Since(known.at) > resolvedFor) {
		known = &resolution{}
		s.resolved[key] = known
	}
	s.mutex.Unlock()
	known.once.Do(func() {
		var answer []byte
		answer, known.err = git(ctx, s.folder, "ls-remote", "--exit-code", url, "refs/heads/"+branch)
		known.commit, _, _ = strings.Cut(string(answer), "\t")
		s.mutex.Lock()
		known.at = time.Now()
		s.mutex.Unlock()
	})
	return known.commit, branch, known.err
}

// Fetch gives the source of a commit. A failure is forgotten, so that the next one tries again.
func (s *Sources) Fetch(ctx context.Context, url, commit string) (*Archive, error) {
	key := url + " " + commit
	s.mutex.Lock()
	known := s.archives[key]
	if known == nil {
		known = &fetched{}
		s.archives[key] = known
	}
	s.mutex.Unlock()
	known.once.Do(func() { known.archive, known.err = s.fetch(ctx, url, commit) })
	if known.err != nil {
		s.mutex.Lock()
		if s.archives[key] == known {
			delete(s.archives, key)
		}
		s.mutex.Unlock()
	}
	return known.archive, known.err
}

func (s *Sources) fetch(ctx context.Context, url, commit string) (*Archive, error) {
	folder, err := os.MkdirTemp(s.folder, "fetch-")
	if err != nil {
		return nil, fmt.Errorf("fetch %s of %s: %w", commit, url, err)
	}
	defer os.RemoveAll(folder)
	if _, err := git(ctx, folder, "init", "--bare", "--quiet", "."); err != nil {
		return nil, err
	}
	if _, err := git(ctx, folder, "fetch", "--quiet", "--depth=1", "--no-tags", url, commit); err != nil {
		return nil, fmt.Errorf("fetch %s of %s: %w", commit, url, err)
	}
	packed, err := git(ctx, folder, "archive", "--format=tar.gz", commit)
	if err != nil {
		return nil, fmt.Errorf("pack %s of %s: %w", commit, filepath.Base(url), err)
	}
	digest := sha256.Sum256(packed)
	return &Archive{Bytes: packed, Digest: hex.EncodeToString(digest[:])}, nil
}
