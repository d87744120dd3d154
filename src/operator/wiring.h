// From what the caches see to the keys that are to be looked at.
#pragma once

#include <atomic>

#include "controller/context.h"

namespace modelrun::op {

// Sets the on_change callbacks of the caches. Call before the watchers start; `context` and `leading` must outlive
// them. While this process does not lead, nothing is queued: enqueue_all() makes up for it.
void wire_caches(const controller::Context& context, const std::atomic<bool>& leading);

// Every run and project, once.
void enqueue_all(const controller::Context& context);

}  // namespace modelrun::op
