package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"modelrun.dev/bench/peer/api"
)

func (l *Load) newRun(number, namespace int) *api.ModelRun {
	return &api.ModelRun{
		ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("%s-%d", l.options.prefix, number), Namespace: fmt.Sprintf("bench-%d", namespace)},
		Spec:       api.ModelRunSpec{Project: l.options.project, Scope: "project"},
		Status:     api.ModelRunStatus{ObservedGeneration: -1},
	}
}

func (l *Load) makeRun(ctx context.Context, number, namespace int) error {
	run := l.newRun(number, namespace)
	if err := l.runs.Create(ctx, run); err != nil {
		return fmt.Errorf("create run %s/%s: %w", run.Namespace, run.Name, err)
	}
	l.book.made(string(run.UID), run.Namespace, time.Now())
	if l.writer == nil {
		return nil
	}
	return l.writer.begin(ctx, run)
}

// makeRuns makes runs until `until` ends, or there are -count of them.
func (l *Load) makeRuns(ctx, until context.Context) error {
	next := make(chan [2]int)
	failed := make(chan error, l.options.parallel)
	var makers sync.WaitGroup
	for range l.options.parallel {
		makers.Go(func() {
			for job := range next {
				if err := l.makeRun(ctx, job[0], job[1]); err != nil && ctx.Err() == nil {
					failed <- err
					return
				}
			}
		})
	}
	err := l.dispatch(until, next, failed)
	close(next)
	makers.Wait()
	return err
}

// dispatch says when the next run is made, and where.
func (l *Load) dispatch(ctx context.Context, next chan<- [2]int, failed <-chan error) error {
	start := time.Now()
	for number := 0; l.options.count == 0 || number < l.options.count; number++ {
		if number >= l.options.flood {
			if !l.turn(ctx, start, number-l.options.flood) {
				return nil
			}
		}
		namespace := 0
		if number >= l.options.flood && l.options.namespaces > 1 {
			namespace = number % l.options.namespaces
			if l.options.flood > 0 { // bench-0 has had its own
				namespace = 1 + number%(l.options.namespaces-1)
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case err := <-failed:
			return err
		case next <- [2]int{number, namespace}:
		}
	}
	return nil
}

// turn waits until the next run is due; false if ctx has ended before.
func (l *Load) turn(ctx context.Context, start time.Time, number int) bool {
	if l.options.rate > 0 {
		due := start.Add(time.Duration(float64(number) / l.options.rate * float64(time.Second)))
		select {
		case <-ctx.Done():
			return false
		case <-time.After(time.Until(due)):
			return true
		}
	}
	for l.options.queue > 0 && l.book.open() >= l.options.queue {
		select {
		case <-ctx.Done():
			return false
		case <-l.book.changed:
		}
	}
	return true
}
