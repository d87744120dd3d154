package main

import (
	"fmt"
	"os"
	"sync"
	"time"
)

// Report is what load prints. Times are in milliseconds.
type Report struct {
	Made         int            `json:"made"`
	MadeInTime   int            `json:"madeInTime"` // while it was measured
	JobsInTime   int            `json:"jobsInTime"`
	EndedInTime  int            `json:"endedInTime"`
	Ended        int            `json:"ended"`
	Active       int            `json:"active"`
	Open         int            `json:"open"` // neither finished nor active at the end
	AgentsFailed int            `json:"agentsFailed"`
	Seconds      float64        `json:"seconds"` // how long it was measured
	ToJob        []float64      `json:"toJob"`   // created -> Job created, of the runs made in that time
	ToEnd        []float64      `json:"toEnd"`   // created -> final status
	PerSecond    []int          `json:"perSecond"`
	Namespaces   map[string]*Of `json:"namespaces,omitempty"`
}

// Of are the figures of one namespace.
type Of struct {
	Made  int       `json:"made"`
	Ended int       `json:"ended"`
	ToJob []float64 `json:"toJob"`
}

type entry struct {
	namespace        string
	made, job, ended time.Time
	active           bool
}

// book remembers when each run was made, got its Job, and ended.
type book struct {
	mutex        sync.Mutex
	runs         map[string]*entry
	early        map[string]time.Time // Jobs that were seen before the answer to the run's creation
	from, until  time.Time
	openRuns     int
	agentsFailed int
	changed      chan struct{}
}

func newBook() *book {
	return &book{runs: map[string]*entry{}, early: map[string]time.Time{}, changed: make(chan struct{}, 1)}
}

func (b *book) tell() {
	select {
	case b.changed <- struct{}{}:
	default:
	}
}

func (b *book) start(from time.Time) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	b.from = from
}

func (b *book) stop() {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	b.until = time.Now()
}

func (b *book) made(uid, namespace string, at time.Time) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	run := &entry{namespace: namespace, made: at, job: b.early[uid]}
	delete(b.early, uid)
	b.runs[uid] = run
	b.openRuns++
}

func (b *book) jobSeen(uid string) {
	now := time.Now()
	b.mutex.Lock()
	defer b.mutex.Unlock()
	if run := b.runs[uid]; run == nil {
		b.early[uid] = now
	} else if run.job.IsZero() {
		run.job = now
	}
}

func (b *book) active(uid string) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	if run := b.runs[uid]; run != nil && !run.active {
		run.active = true
		b.openRuns--
	}
	b.tell()
}

func (b *book) finished(uid string) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	if run := b.runs[uid]; run != nil && run.ended.IsZero() {
		run.ended = time.Now()
		b.openRuns--
	}
	b.tell()
}

func (b *book) agentFailed(uid string, err error) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	b.agentsFailed++
	if b.agentsFailed <= 10 {
		fmt.Fprintf(os.Stderr, "load: agent of run %s: %v\n", uid, err)
	}
}

func (b *book) open() int {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	return b.openRuns
}

func milliseconds(from, to time.Time) float64 {
	return float64(max(to.Sub(from), 0).Microseconds()) / 1000
}

func (b *book) within(at time.Time) bool {
	return !at.IsZero() && !at.Before(b.from) && at.Before(b.until)
}

func (b *book) report(options Options) *Report {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	report := &Report{
		Made: len(b.runs), AgentsFailed: b.agentsFailed, Open: b.openRuns, Seconds: b.until.Sub(b.from).Seconds(),
		ToJob: []float64{}, ToEnd: []float64{},
		PerSecond: make([]int, int(max(b.until.Sub(b.from), 0)/time.Second)+1),
	}
	if options.namespaces > 1 {
		report.Namespaces = map[string]*Of{}
	}
	for _, run := range b.runs {
		b.add(report, run)
	}
	return report
}

func (b *book) add(report *Report, run *entry) {
	measured := b.within(run.made)
	if measured {
		report.MadeInTime++
	}
	if b.within(run.job) {
		report.JobsInTime++
	}
	if run.active {
		report.Active++
	}
	if !run.ended.IsZero() {
		report.Ended++
	}
	if b.within(run.ended) {
		report.EndedInTime++
		report.PerSecond[int(run.ended.Sub(b.from)/time.Second)]++
	}
	if measured && !run.job.IsZero() {
		report.ToJob = append(report.ToJob, milliseconds(run.made, run.job))
	}
	if measured && !run.ended.IsZero() {
		report.ToEnd = append(report.ToEnd, milliseconds(run.made, run.ended))
	}
	if report.Namespaces == nil {
		return
	}
	of := report.Namespaces[run.namespace]
	if of == nil {
		of = &Of{ToJob: []float64{}}
		report.Namespaces[run.namespace] = of
	}
	of.Made++
	if !run.ended.IsZero() {
		of.Ended++
	}
	if !run.job.IsZero() {
		of.ToJob = append(of.ToJob, milliseconds(run.made, run.job))
	}
}
