// What the reconcilers of one operator process share. Wired once in src/operator; nothing of it is owned here.
#pragma once

#include "base/clock.h"
#include "controller/admission.h"
#include "controller/inbox.h"
#include "controller/leads.h"
#include "controller/records.h"
#include "controller/settings.h"
#include "controller/sources.h"
#include "kube/client.h"
#include "runtime/events.h"
#include "runtime/metrics.h"
#include "runtime/work_queue.h"

namespace modelrun::controller {

struct Context {
  kube::Client& client;
  const Settings& settings;
  const Clock& clock;
  Caches& caches;
  Inbox& inbox;
  Sources& sources;
  WaitingRoom& waiting;
  Leads& leads;
  WriteTimes& project_writes;
  runtime::WorkQueue& run_queue;
  runtime::WorkQueue& project_queue;
  runtime::EventRecorder& events;
  runtime::Metrics& metrics;
};

}  // namespace modelrun::controller
