// The log of a run as server-sent events: `stdout` and `stderr` with what was kept of a run that is over, `log` with
// what a running model prints (both streams), `status` when it changes, `end` at the end. Data are JSON.
#include <thread>

#include "base/encoding.h"
#include "gateway/app_impl.h"
#include "gateway/project_ref.h"
#include "gateway/run_fields.h"
#include "gateway/run_wait.h"
#include "runtime/backoff.h"
#include "runtime/steady_clock.h"

namespace modelrun::gateway {
namespace {

using nlohmann::json;

constexpr runtime::BackoffOptions kLogRetry{.initial = std::chrono::milliseconds(200), .max = std::chrono::seconds(2)};

void send_status(Exchange& exchange, const RunSummary& run) {
  exchange.send(event("status", dump({{"run_id", run.key.uid}, {"status", status_word(run.phase)}})));
}

void send_kept(App::Impl& app, const Visit& visit, const RunKey& key) {
  const auto stop = visit.exchange.stop_token();
  const auto run = app.runs.read(visit.caller, key, stop);
  if (!run) return (void)visit.exchange.send(event("error", dump(problem_fields(run.error()))));
  FramePtr frame;
  if (needs_payload(**run)) {
    // Without it the ends of the streams are in status still.
    if (auto payload = app.runs.payload(visit.caller, **run, stop)) frame = std::move(*payload);
  }
  const auto fields = sync_fields(**run, frame.get(), "");
  for (const char* name : {"stdout", "stderr"}) {
    visit.exchange.send(
        event(name, dump({{"text", fields[name]}, {"truncated", fields[std::string(name) + "_truncated"]}})));
  }
  visit.exchange.send(event("end", dump({{"status", fields["status"]}, {"exit_code", fields["exit_code"]}})));
}

// Prints what a pod's model prints. Ends with the pod's log, with this object, or with the client.
class Follower {
 public:
  Follower(App::Impl& app, const Visit& visit, RunPtr run)
      : thread_([&app, &visit, followed = std::move(run)](const std::stop_token& stop) {
          print(app, visit, *followed, stop);
        }) {}

 private:
  // A log that cannot be had is no reason to end: the kept one comes at the end.
  static void print(App::Impl& app, const Visit& visit, const api::ModelRun& run, const std::stop_token& stop) {
    const auto on_data = [&visit](std::string_view text) {
      return visit.exchange.send(event("log", dump({{"text", make_valid_utf8(text)}})));
    };
    for (std::uint32_t tries = 0;; ++tries) {
      const auto done = app.runs.follow_log(visit.caller, run, on_data, stop);
      // 400 from a kubelet that does not know yet that the container runs: it learns that a second or two after us.
      if (done || done.error().kind != ErrorKind::kInvalid) return;
      if (!runtime::RealSteadyClock().sleep(runtime::backoff_delay(kLogRetry, tries), stop)) return;
    }
  }

  std::jthread thread_;
};

// One log that is followed until its run is over.
class LogStream : public std::enable_shared_from_this<LogStream> {
 public:
  LogStream(App::Impl& app, const Visit& visit, Place place)
      : app_(app), visit_(visit.shared_from_this()), place_(std::move(place)) {}

  void follow(const RunSummary& run) {
    auto call = app_.tool_call(*visit_);
    call.on_tick = [self = shared_from_this()](const RunSummary& now) { self->tick(now); };
    wait_for_run(std::make_shared<const ToolCall>(std::move(call)), run,
                 {.reached = [](const RunSummary& now) { return api::is_final(now.phase); }},
                 [self = shared_from_this()](const Result<RunSummary>& ended) { self->end(ended); });
  }

 private:
  void tick(const RunSummary& run) {
    if (told_ != run.phase) {
      send_status(visit_->exchange, run);
    } else {
      visit_->exchange.send(": alive\n\n");
    }
    told_ = run.phase;
    // Another attempt has another pod.
    if (run.phase == api::Phase::kPending) follower_.reset();
    if (run.phase != api::Phase::kRunning || follower_) return;
    auto whole = app_.runs.read(visit_->caller, run.key, visit_->exchange.stop_token());
    if (whole && !(*whole)->status.pod_name.empty()) follower_.emplace(app_, *visit_, std::move(*whole));
  }

  void end(const Result<RunSummary>& ended) {
    follower_.reset();
    if (ended) return send_kept(app_, *visit_, ended->key);
    auto problem = problem_fields(ended.error());
    // Of a wait, this says that the token has ended: a right that is lost makes the run unseen.
    if (ended.error().kind == ErrorKind::kDenied) problem = problem_fields(401, ended.error().message);
    visit_->exchange.send(event("error", dump(problem)));
  }

  App::Impl& app_;
  const std::shared_ptr<const Visit> visit_;
  const Place place_;
  std::optional<api::Phase> told_;
  std::optional<Follower> follower_;
};

}  // namespace

void serve_logs(App::Impl& app, const Visit& visit, const std::string& run_id) {
  const auto found = app.runs.find(visit.caller, run_id, visit.exchange.stop_token());
  if (!found) return visit.exchange.answer(problem(found.error()));
  auto place = app.logs.take();
  if (place == nullptr) return visit.exchange.answer(problem(too_many_waiting()));
  visit.exchange.open_events();
  if (api::is_final(found->phase)) return send_kept(app, visit, found->key);
  std::make_shared<LogStream>(app, visit, std::move(place))->follow(*found);
}

}  // namespace modelrun::gateway
