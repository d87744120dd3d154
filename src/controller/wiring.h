// Connects the caches to the work queues: says which runs, projects and sweeps a change of an object concerns.
#pragma once

#include "controller/term.h"

namespace modelrun::controller {

// Sets the on_change callbacks of the caches. Call it before the watchers start. Keeps a reference to `term`, which
// must outlive every change of a cache. The callbacks run on the thread that changes the cache: a watcher, or a
// reconcile thread after a write of its own. While there is no term they do nothing.
void wire_caches(Caches& caches, const CurrentTerm& term);

// Adds the key of every cached run, project and sweep to its queue. Thread-safe.
void enqueue_all(const Context& context);

}  // namespace modelrun::controller
