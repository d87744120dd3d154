// Connects the caches to the work queues: says which runs and projects a change of an object concerns.
#pragma once

#include <atomic>

#include "controller/context.h"

namespace modelrun::controller {

// Sets the on_change callbacks of the caches. Call it before the watchers start. Keeps references to `context` and
// `leading`, which must outlive every change of a cache. The callbacks run on the thread that changes the cache: a
// watcher, or a reconcile thread after a write of its own.
//
// While `leading` is false the callbacks do nothing. Call enqueue_all() after it has become true.
void wire_caches(const Context& context, const std::atomic<bool>& leading);

// Adds the key of every cached run and project to its queue. Thread-safe.
void enqueue_all(const Context& context);

}  // namespace modelrun::controller
