#include "gateway/web/logs.h"

#include <algorithm>
#include <thread>

#include "api/json_access.h"
#include "base/encoding.h"
#include "gateway/runs/names.h"
#include "gateway/runs/run_fields.h"
#include "gateway/runs/run_wait.h"
#include "gateway/web/answers.h"
#include "runtime/backoff.h"
#include "runtime/steady_clock.h"

namespace modelrun::gateway {
namespace {

using nlohmann::json;

constexpr runtime::BackoffOptions kLogRetry{.initial = std::chrono::milliseconds(200), .max = std::chrono::seconds(2)};

void send_status(HttpExchange& exchange, const RunSummary& run) {
  exchange.send(event("status", answer_text({{"run_id", run.key.uid}, {"status", status_word(run.phase)}})));
}

void send_kept(WebContext& web, const Visit& visit, const RunKey& key) {
  const auto stop = visit.exchange.stop_token();
  const auto run = web.runs.read_run(visit.caller, key, stop);
  if (!run) return (void)visit.exchange.send(event("error", api::json_text(problem_fields(run.error()))));
  FramePtr frame;
  if (needs_payload(**run)) {
    // If the full result cannot be read, status still has the ends of the streams.
    if (auto payload = web.runs.payload(visit.caller, **run, stop)) frame = std::move(*payload);
  }
  const auto fields = sync_fields(**run, frame.get(), "");
  for (const char* name : {"stdout", "stderr"}) {
    visit.exchange.send(
        event(name, api::json_text({{"text", fields[name]}, {"truncated", fields[std::string(name) + "_truncated"]}})));
  }
  visit.exchange.send(event("end", api::json_text({{"status", fields["status"]}, {"exit_code", fields["exit_code"]}})));
}

// Sends what the model prints in one pod, by a thread of its own. It stops when the pod's log ends, when the client
// leaves, or when this object is destroyed, which waits for the thread.
class Follower {
 public:
  Follower(WebContext& web, const Visit& visit, RunPtr run)
      : thread_([&web, &visit, followed = std::move(run)](const std::stop_token& stop) {
          print(web, visit, *followed, stop);
        }) {}

 private:
  // A log that cannot be read does not end the stream of events: what was kept of it is sent when the run is over.
  static void print(WebContext& web, const Visit& visit, const api::ModelRun& run, const std::stop_token& stop) {
    std::size_t sent = 0;  // bytes of the log
    for (std::uint32_t tries = 0;; ++tries) {
      // Every attempt reads the log from its beginning.
      auto skip = sent;
      const auto on_data = [&](std::string_view text) {
        const auto known = std::min(skip, text.size());
        skip -= known;
        text.remove_prefix(known);
        if (text.empty()) return true;
        tries = 0;
        // This thread is the log's own, so it may wait for the client. It ends when `stop` fires.
        if (!visit.exchange.wait_until_read(stop)) return false;
        sent += text.size();
        return visit.exchange.send(event("log", api::json_text({{"text", make_valid_utf8(text)}})));
      };
      const auto done = web.runs.follow_log(visit.caller, run, on_data, stop);
      if (done || !may_pass(done.error().kind)) return;
      if (!runtime::RealSteadyClock().sleep(runtime::backoff_delay(kLogRetry, tries), stop)) return;
    }
  }
  // kInvalid (HTTP 400): the kubelet does not know yet that the container runs. It learns that a second or two later
  // than the gateway. The others: the connection broke, or nothing was printed for so long that it was given up.
  static bool may_pass(ErrorKind kind) {
    return kind == ErrorKind::kInvalid || kind == ErrorKind::kUnavailable || kind == ErrorKind::kTimeout;
  }

  std::jthread thread_;
};

// One log that is followed until its run is over. The callbacks of its wait own it; tick() and end() are never called
// by two threads at once.
class LogStream : public std::enable_shared_from_this<LogStream> {
 public:
  LogStream(WebContext& web, const Visit& visit, Place place)
      : web_(web), visit_(visit.shared_from_this()), place_(std::move(place)) {}

  void follow(const RunSummary& run) {
    auto call = web_.call_of(*visit_);
    call.on_tick = [self = shared_from_this()](const RunSummary& now) { self->tick(now); };
    wait_for_run(std::make_shared<const Call>(std::move(call)), run,
                 {.reached = [](const RunSummary& now) { return api::is_final(now.phase); }},
                 [self = shared_from_this()](const Result<RunSummary>& ended) { self->end(ended); });
  }

 private:
  void tick(const RunSummary& run) {
    if (told_ != run.phase) {
      send_status(visit_->exchange, run);
    } else {
      visit_->exchange.send_if_read(": alive\n\n");
    }
    told_ = run.phase;
    // Another attempt has another pod. It has no start until it runs.
    if (run.started != started_) follower_.reset();
    started_ = run.started;
    if (run.phase != api::Phase::kRunning || follower_) return;
    auto whole = web_.runs.read_run(visit_->caller, run.key, visit_->exchange.stop_token());
    if (whole && !(*whole)->status.pod_name.empty()) follower_.emplace(web_, *visit_, std::move(*whole));
  }

  void end(const Result<RunSummary>& ended) {
    follower_.reset();
    if (ended) return send_kept(web_, *visit_, ended->key);
    auto problem = problem_fields(ended.error());
    // A wait ends with kDenied only if the token is not valid any more; without the right to see the run it is
    // kNotFound.
    if (ended.error().kind == ErrorKind::kDenied) problem = problem_fields(401, ended.error().message);
    visit_->exchange.send(event("error", api::json_text(problem)));
  }

  WebContext& web_;
  const std::shared_ptr<const Visit> visit_;
  const Place place_;
  std::optional<api::Phase> told_;
  std::optional<Time> started_;  // of the attempt whose log is followed
  std::optional<Follower> follower_;
};

}  // namespace

void serve_logs(WebContext& web, const Visit& visit, const std::string& run_id) {
  const auto found = web.runs.find_summary(visit.caller, run_id, visit.exchange.stop_token());
  if (!found) return visit.exchange.answer(problem(found.error()));
  auto place = web.logs.take(visit.caller);
  if (!place) {
    web.refused("logs");
    return visit.exchange.answer(problem(place.error()));
  }
  visit.exchange.open_events();
  if (visit.request.head) return;
  if (api::is_final(found->phase)) return send_kept(web, visit, found->key);
  std::make_shared<LogStream>(web, visit, std::move(*place))->follow(*found);
}

}  // namespace modelrun::gateway
