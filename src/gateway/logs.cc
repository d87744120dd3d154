// The log of a run as server-sent events: `stdout` and `stderr` with what was kept of a run that is over, `log` with
// what a running model prints (both streams), `status` when it changes, `end` at the end. Data are JSON.
#include <thread>

#include "base/encoding.h"
#include "gateway/app_impl.h"
#include "gateway/project_ref.h"
#include "gateway/run_fields.h"

namespace modelrun::gateway {
namespace {

using nlohmann::json;

void send_status(Exchange& exchange, const RunSummary& run) {
  exchange.send(event("status", dump({{"run_id", run.key.uid}, {"status", status_word(run.phase)}})));
}

void send_kept(App::Impl& app, const Visit& visit, const RunKey& key) {
  const auto stop = visit.exchange.stop_token();
  const auto run = app.runs.read(visit.caller, key, stop);
  if (!run) return (void)visit.exchange.send(event("error", dump(problem_fields(run.error()))));
  std::optional<api::ResultFrame> frame;
  if (needs_payload(*run)) {
    // Without it the ends of the streams are in status still.
    if (auto payload = app.runs.payload(visit.caller, *run, stop)) frame = std::move(*payload);
  }
  const auto fields = sync_fields(*run, frame ? &*frame : nullptr, "");
  for (const char* name : {"stdout", "stderr"}) {
    visit.exchange.send(
        event(name, dump({{"text", fields[name]}, {"truncated", fields[std::string(name) + "_truncated"]}})));
  }
  visit.exchange.send(event("end", dump({{"status", fields["status"]}, {"exit_code", fields["exit_code"]}})));
}

// Prints what a pod's model prints. Ends with the pod's log, with this object, or with the client.
class Follower {
 public:
  Follower(App::Impl& app, const Visit& visit, api::ModelRun run)
      : thread_([&app, &visit, followed = std::move(run)](const std::stop_token& stop) {
          const auto on_data = [&visit](std::string_view text) {
            return visit.exchange.send(event("log", dump({{"text", make_valid_utf8(text)}})));
          };
          // A log that cannot be had is no reason to end: the kept one comes at the end.
          (void)app.runs.follow_log(visit.caller, followed, on_data, stop);
        }) {}

 private:
  std::jthread thread_;
};

void follow(App::Impl& app, const Visit& visit, RunSummary run) {
  auto& exchange = visit.exchange;
  const auto stop = exchange.stop_token();
  std::optional<Follower> follower;
  send_status(exchange, run);
  while (!api::is_final(run.phase)) {
    if (run.phase == api::Phase::kRunning && !follower) {
      auto whole = app.runs.read(visit.caller, run.key, stop);
      if (whole && !whole->status.pod_name.empty()) follower.emplace(app, visit, std::move(*whole));
    }
    // Another attempt has another pod.
    if (run.phase == api::Phase::kPending) follower.reset();
    auto next = app.runs.await(visit.caller, run.key, run.version, app.options.times.heartbeat, stop);
    if (stop.stop_requested()) return;
    if (!next) return (void)exchange.send(event("error", dump(problem_fields(next.error()))));
    const bool expired = visit.caller.expires && app.clock.now() >= *visit.caller.expires;
    if (expired) return (void)exchange.send(event("error", R"({"status":401,"title":"your token has expired"})"));
    const bool changed = next->phase != run.phase;
    run = std::move(*next);
    if (changed) {
      send_status(exchange, run);
    } else if (!exchange.send(": alive\n\n")) {
      return;
    }
  }
  follower.reset();
  send_kept(app, visit, run.key);
}

}  // namespace

void serve_logs(App::Impl& app, const Visit& visit, const std::string& run_id) {
  const auto found = app.runs.find(visit.caller, run_id, visit.exchange.stop_token());
  if (!found) return visit.exchange.answer(problem(found.error()));
  const WaitingPlace place(app.waiting, app.options.max_waiting);
  if (!place.taken()) return visit.exchange.answer(problem(too_many_waiting()));
  visit.exchange.open_events();
  if (api::is_final(found->phase)) return send_kept(app, visit, found->key);
  follow(app, visit, *found);
}

}  // namespace modelrun::gateway
