#include "simulation/faults.h"

#include <array>
#include <utility>

namespace modelrun::simulation {
namespace {

using P = Perturbation;
using std::chrono::milliseconds;
using std::chrono::seconds;

// Those that strike by themselves. The others strike where something happens: at a request, a push, a pod's start.
constexpr std::array kByThemselves = {
    P::kKill,           P::kTerminate,    P::kFreeze,       P::kClockJump,     P::kForbidden,
    P::kOutage,         P::kRefused,      P::kWebhook,      P::kWatchLag,      P::kWatchSilent,
    P::kWatchBroken,    P::kWatchGone,    P::kGitSlow,      P::kGitSilent,     P::kGitUnavailable,
    P::kGitDenied,      P::kBranchMoved,  P::kBranchGone,   P::kAgentKilled,   P::kModelOutOfMemory,
    P::kEvicted,        P::kDrained,      P::kNodeLost,     P::kRunCancelled,  P::kRunSuspended,
    P::kRunDeleted,     P::kRunFinalizer, P::kRunRecreated, P::kProjectEdited, P::kProjectSuspended,
    P::kProjectDeleted, P::kHistorySet,   P::kJobDeleted,   P::kPodDeleted,    P::kChildEdited,
    P::kNonsenseStatus, P::kForgery,      P::kJobSuspended};

}  // namespace

void Faults::start() {
  sim_.fibers.spawn(sim_.group, "faults", [this] {
    std::vector<P> possible;
    for (const auto each : kByThemselves) {
      if (sim_.perturbations.allows(each)) possible.push_back(each);
    }
    if (possible.empty()) return;
    while (!sim_.calm && sim_.pause_unless_calm(milliseconds(random_.between(50, 8'000)))) {
      if (sim_.calm) return;
      const auto each = random_.one_of(possible);
      if (sim_.perturbations.strikes(each, 1000)) strike(each);
    }
  });
}

std::shared_ptr<Process> Faults::some_process() {
  const auto processes = parts_.processes();
  return processes.empty() ? nullptr : processes[random_.below(processes.size())];
}

void Faults::tell(Perturbation perturbation, const std::string& whom) {
  sim_.trace.line("fault", "{}: {}", whom, info_of(perturbation).what);
}

void Faults::for_a_while(Perturbation perturbation, seconds most, const std::function<void()>& begin,
                         std::function<void()> undo) {
  const auto span = milliseconds(random_.between(500, milliseconds(most).count()));
  begin();
  sim_.fibers.spawn(sim_.group, std::string(info_of(perturbation).name),
                    [this, perturbation, span, undo = std::move(undo)] {
                      if (!sim_.pause_unless_calm(span)) return;
                      undo();
                      sim_.trace.line("fault", "{} is over", info_of(perturbation).name);
                    });
}

void Faults::strike(Perturbation perturbation) {
  sim_.perturbations.note(perturbation);
  switch (perturbation) {
    case P::kKill:
    case P::kTerminate:
    case P::kFreeze:
    case P::kClockJump:
    case P::kWatchLag:
    case P::kWatchSilent:
      return strike_process(perturbation);
    case P::kForbidden:
    case P::kOutage:
    case P::kRefused:
    case P::kWebhook:
    case P::kWatchBroken:
    case P::kWatchGone:
      return strike_network(perturbation);
    case P::kGitSlow:
    case P::kGitSilent:
    case P::kGitUnavailable:
    case P::kGitDenied:
    case P::kBranchMoved:
    case P::kBranchGone:
      return strike_git(perturbation);
    case P::kAgentKilled:
    case P::kModelOutOfMemory:
    case P::kEvicted:
    case P::kDrained:
    case P::kNodeLost:
    case P::kJobSuspended:
      parts_.cluster.disturb(perturbation);
      return;
    default:
      parts_.people.act(perturbation);
      return;
  }
}

void Faults::strike_process(Perturbation perturbation) {
  const auto process = some_process();
  if (!process) return;
  tell(perturbation, process->who());
  const std::weak_ptr<Process> weak = process;
  // Runs, projects, Jobs, pods, and in worlds with sweeps these.
  auto which = random_.below(sim_.sweeps ? 5 : 4);
  if (which == 4) which = static_cast<std::size_t>(Kind::kSweeps);
  switch (perturbation) {
    case P::kKill:
      return process->kill();
    case P::kTerminate:
      return process->terminate();
    case P::kFreeze:
      return for_a_while(
          perturbation, seconds(40), [&] { process->group().paused = true; },
          [weak] {
            if (const auto still = weak.lock()) still->group().paused = false;
          });
    case P::kClockJump:
      return process->clock().set_offset(seconds(random_.between(-3600, 3600)));
    case P::kWatchLag:
      return for_a_while(
          perturbation, seconds(40), [&] { process->transport().lag.at(which) = seconds(random_.between(1, 30)); },
          [weak, which] {
            if (const auto still = weak.lock()) still->transport().lag.at(which) = Nanos(0);
          });
    default:
      return for_a_while(
          perturbation, seconds(120), [&] { process->transport().silent.at(which) = true; },
          [weak, which] {
            if (const auto still = weak.lock()) still->transport().silent.at(which) = false;
          });
  }
}

void Faults::strike_network(Perturbation perturbation) {
  auto& network = parts_.network;
  tell(perturbation, "API server");
  constexpr std::array kKindsMade = {Kind::kJobs, Kind::kConfigMaps, Kind::kPolicies};
  auto kind = static_cast<std::size_t>(random_.one_of(kKindsMade));
  if (sim_.sweeps && random_.percent(25)) kind = static_cast<std::size_t>(Kind::kRuns);  // which operators make there
  switch (perturbation) {
    case P::kForbidden: {
      const int code = random_.percent(50) ? 401 : 403;
      return for_a_while(
          perturbation, seconds(30), [&] { network.forbidden = code; }, [&network] { network.forbidden = 0; });
    }
    case P::kOutage:
      return for_a_while(
          perturbation, seconds(60),
          [&] {
            network.outage = true;
            ++network.watch_epoch;
          },
          [&network] { network.outage = false; });
    case P::kRefused:
      sim_.trace.line("fault", "refused: {}", kResources.at(kind)->plural);
      return for_a_while(
          perturbation, seconds(90), [&] { network.refused.at(kind) = true; },
          [&network, kind] { network.refused.at(kind) = false; });
    case P::kWebhook:
      return for_a_while(
          perturbation, seconds(90), [&] { network.webhook_down.at(kind) = true; },
          [&network, kind] { network.webhook_down.at(kind) = false; });
    case P::kWatchGone:
      parts_.server.compact();
      network.break_with_410 = random_.percent(50);
      ++network.watch_epoch;
      return;
    default:
      network.break_with_410 = false;
      ++network.watch_epoch;
      return;
  }
}

void Faults::strike_git(Perturbation perturbation) {
  auto at = parts_.git.begin();
  std::advance(at, static_cast<std::ptrdiff_t>(random_.below(parts_.git.size())));
  const auto server = at->second;
  tell(perturbation, server->name());
  const auto in_state = [&](GitServer::State state) {
    for_a_while(
        perturbation, seconds(100), [&] { server->set_state(state, sim_.fibers.now()); },
        [this, server, state] {
          if (server->state() == state) server->set_state(GitServer::State::kWell, sim_.fibers.now());
        });
  };
  switch (perturbation) {
    case P::kGitSlow:
      return in_state(GitServer::State::kSlow);
    case P::kGitSilent:
      return in_state(GitServer::State::kSilent);
    case P::kGitUnavailable:
      return in_state(GitServer::State::kUnavailable);
    case P::kGitDenied:
      return in_state(GitServer::State::kDenied);
    case P::kBranchMoved:
      return server->move_branch();
    default:
      return for_a_while(
          perturbation, seconds(40), [&] { server->set_branch(false); }, [server] { server->set_branch(true); });
  }
}

void Faults::end() {
  sim_.perturbations.end();
  sim_.calm = true;
  auto& network = parts_.network;
  network.outage = false;
  network.forbidden = 0;
  network.refused.fill(false);
  network.webhook_down.fill(false);
  for (const auto& process : parts_.processes()) {
    process->group().paused = false;
    process->clock().set_offset(Duration(0));
    process->transport().lag.fill(Nanos(0));
    process->transport().silent.fill(false);
  }
  // Watches that were opened while they lagged would go on to lag until their next event.
  ++network.watch_epoch;
  network.break_with_410 = false;
  for (const auto& [name, server] : parts_.git) {
    server->set_state(GitServer::State::kWell, sim_.fibers.now());
    server->set_branch(true);
  }
}

}  // namespace modelrun::simulation
