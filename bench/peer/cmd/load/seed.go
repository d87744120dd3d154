package main

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"modelrun.dev/bench/peer/api"
	"modelrun.dev/bench/peer/operator"
)

// seedRuns makes finished runs: what an operator finds when it starts where much has been done before.
func (l *Load) seedRuns(ctx context.Context) (*Report, error) {
	start := time.Now()
	next := make(chan int)
	failed := make(chan error, l.options.parallel)
	var makers sync.WaitGroup
	for range l.options.parallel {
		makers.Go(func() {
			for number := range next {
				if err := l.seedRun(ctx, number); err != nil {
					failed <- err
					return
				}
			}
		})
	}
	var err error
	for number := 0; number < l.options.count && err == nil; number++ {
		select {
		case next <- number:
		case err = <-failed:
		}
	}
	close(next)
	makers.Wait()
	select {
	case err = <-failed:
	default:
	}
	return &Report{Made: l.options.count, Ended: l.options.count, Seconds: time.Since(start).Seconds()}, err
}

func (l *Load) seedRun(ctx context.Context, number int) error {
	run := l.newRun(number, number%l.options.namespaces)
	if err := l.runs.Create(ctx, run); err != nil {
		return fmt.Errorf("create run %s/%s: %w", run.Namespace, run.Name, err)
	}
	frame := newFrame(string(run.UID), time.Now())
	frame.Stdout = api.Stream{Head: strings.Repeat("x", 2048), TotalBytes: 2048}
	if err := operator.Pin(run, writerProject, writerCommit, "main", int64(number+1), writerSettings, time.Now()); err != nil {
		return err
	}
	operator.Start(run, run.Status.JobName+"-abcde", string(run.UID), "node-0", "sha256:"+writerCommit, time.Now())
	operator.Finish(run, &frame, time.Now())
	if err := l.runs.Status().Update(ctx, run); err != nil {
		return fmt.Errorf("end run %s/%s: %w", run.Namespace, run.Name, err)
	}
	return nil
}
