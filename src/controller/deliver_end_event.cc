#include "controller/deliver_end_event.h"

#include <utility>

#include "api/json_access.h"
#include "base/log.h"
#include "controller/run/end_event.h"

namespace modelrun::controller {
namespace {

using cloudevents::Outcome;
using kube::Json;
using runtime::ReconcileResult;

constexpr std::string_view kGivenUpReason = "EndEventGivenUp";

// From fractions of a second to days, in seconds.
const prometheus::Histogram::BucketBoundaries kDeliverySeconds{0.1, 0.5, 1, 5, 15, 60, 300, 900, 3'600, 21'600, 86'400};

// One pass over a run that owes its event.
class Delivery {
 public:
  Delivery(const Context& context, const RunRecord& record, std::stop_token stop)
      : context_(context), record_(record), stop_(std::move(stop)) {}
  // Whatever came in between, an exception too: the sink's turn goes on to others.
  ~Delivery() {
    if (in_turn_) context_.pace.leave();
  }
  Delivery(const Delivery&) = delete;
  Delivery& operator=(const Delivery&) = delete;

  ReconcileResult run() {
    const auto& uid = record_.meta.uid;
    observed_.owed_for = context_.owed.owed_for(uid, context_.clock.now() - *record_.owes_event_since);
    observed_.give_up = context_.settings.end_events->give_up;
    observed_.accepted = context_.owed.accepted(uid);
    observed_.down_for = context_.pace.down_for();
    if (!observed_.accepted) {
      observed_.hold = context_.pace.begin();
      in_turn_ = observed_.hold <= Duration::zero();
    }
    const auto plan = decide_end_event(observed_);
    if (plan.end || plan.wait) return carry_out(plan);
    const auto live = read();
    if (!live) return runtime::failed(live.error());
    return *live ? send(**live) : runtime::done();
  }

 private:
  struct Owing {
    kube::Answer object;  // the run as the API server has it
    cloudevents::Event event;
  };

  [[nodiscard]] const api::ObjectMeta& meta() const { return record_.meta; }

  // No value if the run owes no event at the API server.
  Result<std::optional<Owing>> read() {
    auto object = context_.client.get_answer(kube::kModelRuns, meta().namespace_, meta().name, stop_);
    if (!object && object.error().kind == ErrorKind::kNotFound) return std::nullopt;
    RETURN_IF_ERROR(object);
    const auto run = object->read(&api::decode_model_run);
    RETURN_IF_ERROR(run);
    if (run->meta.uid == meta().uid && is_final(run->status.phase) && run->status.owes_end_event()) {
      return Owing{std::move(*object), cloudevents::run_end(*run, context_.settings.end_events->source)};
    }
    context_.caches.runs.put(context_.caches.record_of(*run));  // the cache is behind
    return std::nullopt;
  }

  ReconcileResult send(const Owing& owing) {
    const auto answer = cloudevents::judge(context_.sink->send(owing.event, stop_));
    if (stop_.stop_requested() && answer.outcome == Outcome::kTryAgain) {
      return runtime::failed({ErrorKind::kCancelled, "stopped while an event was being sent"});
    }
    context_.metrics
        .counter("modelrun_end_event_tries_total", "Tries to deliver the event of a run's end, by what came of them.",
                 {{"result", std::string(answer.word)}})
        .Increment();
    in_turn_ = false;
    if (answer.outcome == Outcome::kTryAgain) return failed(owing.object, answer);
    if (context_.pace.succeeded()) log::info("the sink of events answers again");
    if (answer.outcome == Outcome::kRefused) {
      return settle(owing.object, *decide_failed_event(observed_, /*again=*/false, {}, answer.what).end);
    }
    const Time now = context_.clock.now();
    context_.owed.accept(meta().uid, now);
    return settle(owing.object, {api::EndEventState::kDelivered, now, {}});
  }

  ReconcileResult failed(const kube::Answer& object, const cloudevents::Answer& answer) {
    if (context_.pace.failed(answer.retry_after)) {
      log::warn("the sink of events fails: events wait",
                {{"run", meta().key()}, {"error", answer.detail.empty() ? answer.what : answer.detail}});
    }
    const auto back_off = context_.owed.failed(meta().uid);
    const auto plan = decide_failed_event(observed_, /*again=*/true, back_off, answer.what);
    return plan.end ? settle(object, *plan.end) : runtime::requeue_after(*plan.wait);
  }

  ReconcileResult carry_out(const EndEventPlan& plan) {
    if (plan.wait) return runtime::requeue_after(*plan.wait);
    const auto live = read();
    if (!live) return runtime::failed(live.error());
    return *live ? settle((*live)->object, *plan.end) : runtime::done();
  }

  // Writes what became of the event into the run, of which nothing else changes.
  ReconcileResult settle(const kube::Answer& object, const api::EndEvent& end) {
    auto update = object.read([&](const Json& run) {
      auto status = api::member(run, "status");
      status["endEvent"] = api::encode_end_event(end);
      return kube::status_text(kube::kModelRuns, api::decode_meta(run), std::move(status));
    });
    if (!update) return runtime::failed(update.error());
    const auto answer = context_.client.replace_status_answer(kube::kModelRuns, std::move(*update), stop_);
    if (!answer && answer.error().kind == ErrorKind::kNotFound) return runtime::done();
    if (!answer) return runtime::failed(answer.error());
    const auto written = answer->read(&api::decode_model_run);
    if (!written) return runtime::failed(written.error());
    context_.caches.runs.put(context_.caches.record_of(*written));
    report(end);
    return runtime::done();
  }

  void report(const api::EndEvent& end) {
    const bool delivered = end.state == api::EndEventState::kDelivered;
    context_.metrics
        .counter("modelrun_end_events_total", "Events of runs' ends, by what became of them.",
                 {{"state", std::string(to_string(end.state))}})
        .Increment();
    if (delivered) {
      const std::chrono::duration<double> took = observed_.owed_for;
      context_.metrics
          .histogram("modelrun_end_event_seconds", "From the end of a run to the delivery of its event.", {},
                     kDeliverySeconds)
          .Observe(took.count());
      return;
    }
    context_.events.event(kube::kModelRuns, meta(), runtime::EventKind::kWarning, kGivenUpReason, "Deliver",
                          end.message);
    log::warn("the event of a run's end is given up", {{"run", meta().key()}, {"error", end.message}});
  }

  const Context& context_;
  const RunRecord& record_;
  std::stop_token stop_;
  EndEventObserved observed_;
  bool in_turn_ = false;  // pace.begin() has returned zero, and what came of the call is not said yet
};

}  // namespace

ReconcileResult deliver_end_event(const Context& context, const std::string& key, std::stop_token stop) {
  const auto record = context.caches.runs.find(key);
  if (!record || !record->owes_event_since) return runtime::done();
  auto result = Delivery(context, *record, std::move(stop)).run();
  // The caches report a change once, and may have done so before this pass made its notes about the run.
  const auto now = context.caches.runs.find(key);
  if (!now || now->meta.uid != record->meta.uid || !now->owes_event_since) {
    context.owed.forget(record->meta.uid);
    return runtime::done();
  }
  return result;
}

void report_owed_events(runtime::Metrics& metrics, const OwedEvents::Counts& counts) {
  metrics.gauge("modelrun_end_events_owed", "Events of runs' ends that are to be delivered.")
      .Set(static_cast<double>(counts.owed));
  metrics.gauge("modelrun_end_events_oldest_seconds", "How long the oldest of them has been waiting.")
      .Set(std::chrono::duration<double>(counts.oldest).count());
}

}  // namespace modelrun::controller
