package operator

import (
	"sync"

	"modelrun.dev/bench/peer/api"
)

// claim is a pod that asks for its run's source.
type claim struct {
	podName, podUID, nodeName string
	done                      []chan error
}

// result is what an agent handed in.
type result struct {
	podUID string
	frame  *api.Frame
	done   []chan error
}

// Inbox holds what pods have brought in until a status that implies the answer is in the API server.
type Inbox struct {
	mutex   sync.Mutex
	claims  map[string]*claim  // by the run's UID
	results map[string]*result // by the run's UID
}

// NewInbox makes an empty inbox.
func NewInbox() *Inbox {
	return &Inbox{claims: map[string]*claim{}, results: map[string]*result{}}
}

// addClaim keeps a claim; a second pod of the same run is refused by the reconciler, when the first one stands in status.
func (i *Inbox) addClaim(run, podName, podUID, nodeName string) <-chan error {
	done := make(chan error, 1)
	i.mutex.Lock()
	defer i.mutex.Unlock()
	if held := i.claims[run]; held != nil && held.podUID == podUID {
		held.done = append(held.done, done)
		return done
	}
	i.claims[run] = &claim{podName, podUID, nodeName, []chan error{done}}
	return done
}

func (i *Inbox) addResult(run, podUID string, frame *api.Frame) <-chan error {
	done := make(chan error, 1)
	i.mutex.Lock()
	defer i.mutex.Unlock()
	if held := i.results[run]; held != nil && held.podUID == podUID {
		held.done = append(held.done, done)
		return done
	}
	i.results[run] = &result{podUID, frame, []chan error{done}}
	return done
}

func (i *Inbox) of(run string) (*claim, *result) {
	i.mutex.Lock()
	defer i.mutex.Unlock()
	return i.claims[run], i.results[run]
}

// answerClaim answers a claim, and forgets it.
func (i *Inbox) answerClaim(run string, answered *claim, err error) {
	i.mutex.Lock()
	defer i.mutex.Unlock()
	if i.claims[run] == answered {
		delete(i.claims, run)
	}
	for _, done := range answered.done {
		done <- err
	}
	answered.done = nil
}

func (i *Inbox) answerResult(run string, answered *result, err error) {
	i.mutex.Lock()
	defer i.mutex.Unlock()
	if i.results[run] == answered {
		delete(i.results, run)
	}
	for _, done := range answered.done {
		done <- err
	}
	answered.done = nil
}

// forget answers everything that is held for a run that is over or gone.
func (i *Inbox) forget(run string, err error) {
	claimed, handedIn := i.of(run)
	if claimed != nil {
		i.answerClaim(run, claimed, err)
	}
	if handedIn != nil {
		i.answerResult(run, handedIn, err)
	}
}
