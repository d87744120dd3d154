// What the reconcilers of one operator process share.
#pragma once

#include "base/clock.h"
#include "controller/caches/caches.h"
#include "controller/leads.h"
#include "controller/pods/inbox.h"
#include "controller/run/settings.h"
#include "controller/slot_queue.h"
#include "controller/sources/sources.h"
#include "kube/client.h"
#include "runtime/events.h"
#include "runtime/metrics.h"
#include "runtime/work_queue.h"

namespace modelrun::controller {

// Holds references only. src/operator makes and owns the objects, and destroys them after every user of this context.
// Each object is thread-safe, or never changes while a reconciler runs.
struct Context {
  kube::Client& client;
  const Settings& settings;
  const Clock& clock;
  Caches& caches;
  Inbox& inbox;
  Sources& sources;
  SlotQueue& slots;
  Leads& leads;
  WriteTimes& project_writes;
  runtime::WorkQueue& run_queue;
  runtime::WorkQueue& project_queue;
  runtime::EventRecorder& events;
  runtime::Metrics& metrics;
};

}  // namespace modelrun::controller
