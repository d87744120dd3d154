// The agent and the model in one simulated pod.
#include <csignal>
#include <utility>

#include "api/standby.h"
#include "simulation/pod_life.h"

namespace modelrun::simulation {
namespace {

using api::ExitHow;
using std::chrono::milliseconds;
using std::chrono::seconds;

}  // namespace

ModelPlan plan_of(std::uint64_t seed, const std::string& run_key) {
  Random random(seed ^ hash_text(run_key), "model");
  ModelPlan plan;
  const auto die = random.below(100);
  plan.end = die < 60   ? ModelPlan::End::kSucceeds
             : die < 75 ? ModelPlan::End::kExits
             : die < 85 ? ModelPlan::End::kOutOfMemory
             : die < 92 ? ModelPlan::End::kBadOutputs
                        : ModelPlan::End::kTooLong;
  plan.duration = milliseconds(random.percent(70) ? random.between(10, 3'000) : random.between(3'000, 40'000));
  plan.large = random.percent(15);
  return plan;
}

runserver::AttemptRef PodLife::attempt() const {
  const auto slash = truth_->run_key.find('/');
  return {truth_->run_key.substr(0, slash), truth_->run_key.substr(slash + 1), truth_->run_uid, truth_->attempt};
}

runserver::PodIdentity PodLife::identity() const {
  const auto slash = truth_->pod_key.find('/');
  return {truth_->pod_key.substr(0, slash), truth_->pod_key.substr(slash + 1), truth_->pod_uid};
}

// Asks one of the operator's processes, as the Service chooses it, and waits for the answer. A process that dies, is
// stopped or does not answer in time has not answered.
PodLife::Reply PodLife::ask(const Ask& question, seconds patience, const std::function<bool()>& give_up) {
  const auto processes = parts_.processes();
  if (processes.empty()) return Reply::kAgain;
  const auto process = processes[sim_.cluster.below(processes.size())];
  const auto deadline = sim_.fibers.now() + patience;
  // A process that is stopped by SIGSTOP accepts the connection, and answers when it goes on.
  sim_.fibers.wait(deadline, [&] { return !process->group().paused || process->is_dead(); }, sim_.stop());
  if (process->group().paused || !process->leading()) return Reply::kAgain;
  const auto answer = std::make_shared<std::optional<Result<void>>>();
  question(process->gate(), [answer](Result<void> result) { *answer = std::move(result); });
  sim_.fibers.wait(deadline, [&] { return answer->has_value() || process->is_dead() || give_up(); }, sim_.stop());
  if (!answer->has_value() || process->is_dead() || process->group().paused) return Reply::kAgain;
  const auto& result = **answer;
  if (result) return Reply::kYes;
  switch (result.error().kind) {
    case ErrorKind::kUnavailable:
    case ErrorKind::kTimeout:
    case ErrorKind::kCancelled:
    case ErrorKind::kThrottled:
      return Reply::kAgain;
    default:
      sim_.trace.line("agent", "pod {}: refused: {}", truth_->pod_key, result.error().message);
      return Reply::kOver;
  }
}

// Asks for the source until there is a definite answer. Returns true if it was given.
bool PodLife::claim() {
  const auto deadline = sim_.fibers.now() + seconds(600);
  while (!disturbed() && sim_.fibers.now() < deadline) {
    const auto reply = ask(
        [this](controller::RunGate& gate, std::function<void(Result<void>)> done) {
          gate.claim(attempt(), identity(), [done = std::move(done)](const auto& archive) {
            done(archive ? Result<void>() : std::unexpected(archive.error()));
          });
        },
        seconds(30), [this] { return disturbed(); });
    if (reply == Reply::kYes && !disturbed()) {
      truth_->granted = true;
      model_began_ = sim_.wall();
      sim_.trace.line("agent", "pod {} has the source: the model of {} attempt {} runs", truth_->pod_key,
                      truth_->run_key, truth_->attempt);
      parts_.on_grant(*truth_);
      return true;
    }
    if (reply == Reply::kOver) {
      refused_ = true;
      model_code_ = api::kExitAgentLost;
      return false;
    }
    sim_.fibers.wait(
        sim_.fibers.now() + milliseconds(sim_.cluster.between(300, 2000)), [this] { return disturbed(); }, sim_.stop());
  }
  return false;
}

// Asks for work, at any process that leads, until there is a definite answer. Returns true if it was given.
bool PodLife::await_work() {
  const auto slash = truth_->job_key.find('/');
  const runserver::StandbyRef standby{truth_->job_key.substr(0, slash), truth_->job_key.substr(slash + 1)};
  while (!disturbed()) {
    std::shared_ptr<Process> asked;
    for (const auto& process : parts_.processes()) {
      if (process->leading() && !process->group().paused) asked = process;
    }
    if (!asked) {
      if (!pause(milliseconds(300), milliseconds(2000))) return false;
      continue;
    }
    const auto answer = std::make_shared<std::optional<Result<runserver::GivenWork>>>();
    const auto watch = asked->gate().await_work(
        standby, identity(), [answer](Result<runserver::GivenWork> given) { *answer = std::move(given); });
    sim_.fibers.wait(
        sim_.fibers.now() + seconds(25), [&] { return answer->has_value() || asked->is_dead() || disturbed(); },
        sim_.stop());
    if (disturbed() || !truth_->undisturbed()) return false;
    // The answer of a process that has died, and one that a broken connection swallows, did not arrive.
    const bool lost = asked->is_dead() || sim_.perturbations.strikes(Perturbation::kPushLost, 100);
    if (answer->has_value() && **answer && !lost) {
      const auto work = api::decode_work((**answer)->line);
      const bool mine = truth_->run_uid == work->run_uid && truth_->attempt == work->attempt;
      if (!mine)
        sim_.trace.line("agent", "pod {} was given the work of another run than has adopted it", truth_->pod_key);
      truth_->misdirected = !mine;
      timeout_seconds_ = work->timeout.count();
      points_ = work->points;
      model_began_ = sim_.wall();
      plan_ = parts_.plan_of_run(truth_->run_key);
      truth_->granted = true;
      sim_.trace.line("agent", "pod {}, which stood ready, has the work: the model of {} attempt {} runs",
                      truth_->pod_key, truth_->run_key, truth_->attempt);
      parts_.on_grant(*truth_);
      return true;
    }
    if (answer->has_value() && !**answer && (**answer).error().kind == ErrorKind::kConflict) {
      sim_.trace.line("agent", "standby {}: {}", truth_->pod_key, (**answer).error().message);
      refused_ = true;
      model_code_ = api::kExitAgentLost;
      return false;
    }
    if (!pause(milliseconds(10), milliseconds(1500))) return false;
  }
  return false;
}

// Keeps a request for orders open, at any process that leads.
void PodLife::watch_orders() {
  if (order_ && order_->has_value()) {
    const auto& order = **order_;
    if (order && *order == runserver::Order::kCancel) cancel_ordered_ = true;
    if (order && *order == runserver::Order::kOver) over_ordered_ = true;
    // An agent that got an error asks again after a while.
    watch_.reset();
    order_.reset();
    watched_.reset();
    ask_again_ = sim_.fibers.now() + seconds(1);
  }
  if ((watched_ && watched_->leading()) || sim_.fibers.now() < ask_again_) return;
  watch_.reset();
  order_.reset();
  watched_.reset();
  for (const auto& process : parts_.processes()) {
    if (!process->leading() || process->group().paused) continue;
    watched_ = process;
    order_ = std::make_shared<std::optional<Result<runserver::Order>>>();
    watch_ = process->gate().watch_orders(
        attempt(), identity(), [order = order_](Result<runserver::Order> given) { *order = std::move(given); });
    return;
  }
}

void PodLife::run_model() {
  const auto limit = sim_.fibers.now() + seconds(timeout_seconds_);
  const auto ends = plan_.end == ModelPlan::End::kTooLong ? limit : std::min(limit, sim_.fibers.now() + plan_.duration);
  while (!disturbed() && sim_.fibers.now() < ends && !cancel_ordered_ && !over_ordered_) {
    watch_orders();
    if (cancel_ordered_ || over_ordered_) break;
    const auto next = std::min<Nanos>(ends, sim_.fibers.now() + seconds(2));
    sim_.fibers.wait(next, [this] { return disturbed() || (order_ && order_->has_value()); }, sim_.stop());
  }
  end_model(limit);
}

// Says how it has ended, as far as the agent knows, and hands that in.
void PodLife::end_model(Nanos limit) {
  watch_.reset();
  model_ended_ = sim_.wall();
  if (sim_.over.stop_requested() || truth_->lost || truth_->evicted || truth_->agent_killed || truth_->deadline) return;
  if (sim_.fibers.now() >= deadline_) {
    truth_->deadline = true;
    return;
  }
  if (truth_->out_of_memory) {
    model_code_ = 137;
    return make_frame(ExitHow::kLost);  // `exec` was killed with the container
  }
  const bool stopped = truth_->deleted;
  make_frame(stopped                                                 ? ExitHow::kTerminated
             : cancel_ordered_ || over_ordered_                      ? ExitHow::kCancelled
             : sim_.fibers.now() >= limit                            ? ExitHow::kTimedOut
             : plan_.end == ModelPlan::End::kOutOfMemory && !points_ ? ExitHow::kSignaled
                                                                     : ExitHow::kExited);
  const bool status_first = sim_.cluster.percent(50);
  if (status_first) {
    write([this](Json& pod) {
      for (auto& container : pod["status"]["containerStatuses"]) {
        if (container["name"] != "model") continue;
        container["state"] = model_state();
      }
    });
  }
  push();
}

// The model has ended in that way. Makes the result, and prints it.
void PodLife::make_frame(ExitHow how) {
  api::ResultFrame frame;
  frame.run_uid = truth_->run_uid;
  frame.attempt = truth_->attempt;
  frame.exit.how = how;
  frame.exit.started_at = model_began_;
  frame.exit.finished_at = model_ended_;
  frame.out = {plan_.large ? std::string(20'000, 'x') : "hello\n", "", plan_.large ? 20'000U : 6U};
  switch (how) {
    case ExitHow::kExited:
      if (points_) {
        frame.exit.code = 0;
        break;
      }
      frame.exit.code = plan_.end == ModelPlan::End::kExits ? 3 : 0;
      if (plan_.end == ModelPlan::End::kBadOutputs) frame.error = api::FrameError{"OutputsInvalid", "not JSON"};
      if (plan_.end == ModelPlan::End::kSucceeds) frame.outputs = Json{{"answer", truth_->run_key}};
      break;
    case ExitHow::kSignaled:
      frame.exit.signal = SIGKILL;
      frame.exit.oom_kills = 1;
      break;
    case ExitHow::kTimedOut:
    case ExitHow::kCancelled:
    case ExitHow::kTerminated:
      frame.exit.signal = SIGTERM;
      break;
    default:
      break;
  }
  frame.first_row = receipt_.stored;
  frame.rows.assign(rows_.begin() + receipt_.stored, rows_.end());
  if (how == ExitHow::kLost) frame.at_point = at_point_;
  if (!model_code_) model_code_ = frame.exit.code ? *frame.exit.code : 128 + frame.exit.signal.value_or(9);
  sim_.trace.line("agent", "pod {}: the model of {} attempt {}: {} {}", truth_->pod_key, truth_->run_key,
                  truth_->attempt, to_string(how), *model_code_);
  truth_->log = api::frame_to_log(frame);
  truth_->termination_message = api::frame_to_termination_message(frame);
  truth_->frame = std::move(frame);
  truth_->durable = true;
}

// Whether nothing that the agent does reaches anybody any more.
bool PodLife::cut_off() const {
  return truth_->lost || truth_->evicted || truth_->agent_killed || truth_->gone || sim_.over.stop_requested();
}

// Hands the result in, as long as there is time.
void PodLife::push() {
  if (sim_.perturbations.strikes(Perturbation::kPushLost, 400)) {
    sim_.trace.line("agent", "pod {}: {}", truth_->pod_key, info_of(Perturbation::kPushLost).what);
    return;
  }
  // The agent has its grace period when the pod is deleted.
  bool terminating = false;
  auto deadline = sim_.fibers.now() + seconds(60);
  while (!cut_off() && sim_.fibers.now() < deadline) {
    if (truth_->deleted && !std::exchange(terminating, true)) deadline = sim_.fibers.now() + seconds(5);
    const auto reply = ask(
        [this](controller::RunGate& gate, std::function<void(Result<void>)> done) {
          gate.submit(attempt(), identity(), *truth_->frame, std::move(done));
        },
        seconds(20), [this] { return cut_off(); });
    if (reply == Reply::kYes) truth_->pushed = true;
    if (reply != Reply::kAgain) return;
    if (!sim_.pause(sim_.cluster, milliseconds(300), milliseconds(2000))) return;
  }
}

}  // namespace modelrun::simulation
