// What the reconcilers of one term of leadership share.
#pragma once

#include "base/clock.h"
#include "cloudevents/sink.h"
#include "controller/caches/caches.h"
#include "controller/end_times.h"
#include "controller/image_volume_use.h"
#include "controller/large_work.h"
#include "controller/leads.h"
#include "controller/owed_events.h"
#include "controller/pods/inbox.h"
#include "controller/pods/point_rows.h"
#include "controller/pods/standbys.h"
#include "controller/run/settings.h"
#include "controller/slot_queue.h"
#include "controller/sources/sources.h"
#include "controller/sweep_notes.h"
#include "kube/client.h"
#include "runtime/events.h"
#include "runtime/metrics.h"
#include "runtime/steady_clock.h"
#include "runtime/work_queue.h"
#include "traces/span.h"

namespace modelrun::controller {

// Holds references only. The first part belongs to the process, the second to the Term (term.h), which owns this
// object. Each object is thread-safe, or never changes while a reconciler runs.
struct Context {
  kube::Client& client;
  const Settings& settings;
  const Clock& clock;  // for times that are written down; waits are measured by `steady`, which nobody can set
  runtime::SteadyClock& steady;
  Caches& caches;
  runtime::EventSink& events;
  runtime::Metrics& metrics;

  HeldFrames& results;
  LargeWork& large;
  Inbox& inbox;
  Sources& sources;
  SlotQueue& slots;
  Leads& leads;
  Standbys& standbys;
  PointRows& points;
  WriteTimes& project_writes;
  EndTimes& ends;
  ImageVolumeUse& image_volumes;
  SweepNotes& sweeps;
  runtime::WorkQueue& run_queue;
  runtime::WorkQueue& project_queue;
  runtime::WorkQueue& sweep_queue;
  OwedEvents& owed;
  SinkPace& pace;
  runtime::WorkQueue& end_event_queue;  // runs that owe an event; nobody works on it without a sink

  traces::Tracer* tracer = nullptr;   // of the process; null: there is no tracing
  cloudevents::Sink* sink = nullptr;  // of the process; null, as Settings::end_events: there are no events
};

}  // namespace modelrun::controller
