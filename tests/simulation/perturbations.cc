#include "simulation/perturbations.h"

#include <algorithm>
#include <utility>

namespace modelrun::simulation {
namespace {

constexpr auto kPerturbations = static_cast<std::size_t>(Perturbation::kCount);

constexpr std::array<PerturbationInfo, kPerturbations> kInfo{{
    {"kill", "SIGKILL of an operator process at any moment"},
    {"terminate", "SIGTERM of an operator process"},
    {"crash-before", "SIGKILL right before a request is carried out"},
    {"crash-after", "SIGKILL right after a request was carried out"},
    {"freeze", "SIGSTOP of a process, often past its lease, then SIGCONT"},
    {"clock-jump", "the wall clock of a process jumps by up to an hour"},
    {"409", "a write is answered by a conflict"},
    {"429", "a request is throttled, with or without Retry-After"},
    {"5xx", "a request is answered by 500 or 503"},
    {"no-connection", "a request is not carried out: there is no connection"},
    {"answer-lost", "a request is carried out, and its answer is lost"},
    {"slow-answer", "an answer takes seconds, so that it is old when it comes"},
    {"forbidden", "401 or 403 for a while"},
    {"outage", "the API server is away for a while"},
    {"refused", "a quota or admission plugin refuses the creation of a kind for a while"},
    {"webhook", "the webhook for a kind is down: its creation is answered by 500 for a while"},
    {"watch-lag", "a watch delivers up to 30 s late"},
    {"watch-silent", "a half-open watch delivers nothing until its idle time-out"},
    {"watch-broken", "watches are broken off"},
    {"watch-gone", "the history is compacted: 410 as a status or in the stream"},
    {"git-slow", "git answers after up to 20 s"},
    {"git-silent", "git does not answer until it is stopped or its time-out comes"},
    {"git-unavailable", "the git server is away for a while"},
    {"git-denied", "the git server refuses the credentials for a while"},
    {"branch-moved", "the branch points to another commit"},
    {"branch-gone", "the branch is deleted for a while"},
    {"unschedulable", "a pod finds no node for a while"},
    {"image-pull", "the image cannot be pulled for a while"},
    {"no-image-volumes", "the node cannot mount the agent's image as a volume"},
    {"push-lost", "the agent cannot reach the run server for results"},
    {"agent-killed", "the agent's container is killed"},
    {"out-of-memory", "the model's container is killed as a whole for its memory"},
    {"evicted", "the kubelet evicts a pod"},
    {"drained", "a pod is evicted by the API, as kubectl drain does"},
    {"node-lost", "the node dies, and its pods stay Terminating"},
    {"job-suspended", "a queue suspends a Job and resumes it later"},
    {"run-cancelled", "a person cancels a run or a sweep"},
    {"run-suspended", "a person suspends a run or a sweep and resumes it later"},
    {"run-deleted", "a person deletes a run or a sweep"},
    {"run-finalizer", "a run or a sweep has a finalizer that is removed late"},
    {"run-recreated", "a run or a sweep is deleted and created again under its name"},
    {"project-edited", "a person changes the project's image or maxConcurrentRuns"},
    {"project-suspended", "a person suspends a project and resumes it later"},
    {"project-deleted", "a person deletes a project and creates it again later"},
    {"history-set", "a person sets history limits or a time to live later"},
    {"job-deleted", "a person deletes a Job"},
    {"pod-deleted", "a person deletes a pod"},
    {"child-edited", "a person edits or deletes a ConfigMap, the NetworkPolicy or a Job's labels"},
    {"nonsense-status", "somebody writes nonsense into a status"},
    {"forgery", "a tenant forges a Job, a pod and a result for a run of another namespace"},
}};

}  // namespace

const PerturbationInfo& info_of(Perturbation perturbation) {
  return kInfo.at(static_cast<std::size_t>(perturbation));
}

Perturbations::Perturbations(std::uint64_t seed, std::set<std::uint32_t> suppressed)
    : suppressed_(std::move(suppressed)) {
  Random random(seed, "perturbations");
  // A tenth of the worlds has hardly any fault, most have some kinds, a few have nearly all.
  constexpr std::array kShare = {3U, 15U, 25U, 35U, 50U, 80U};
  const unsigned share = random.one_of(kShare);
  for (std::size_t i = 0; i < kPerturbations; ++i) {
    allowed_.at(i) = random.percent(share);
    streams_.emplace_back(seed, kInfo.at(i).name);
  }
  constexpr std::array kRates = {2U, 5U, 10U, 30U, 100U};
  request_rate_ = random.one_of(kRates);
}

bool Perturbations::strikes(Perturbation perturbation, unsigned per_mille) {
  const auto which = static_cast<std::size_t>(perturbation);
  if (over_ || !allowed_.at(which)) return false;
  if (choices_ != nullptr ? choices_->pick(2) == 0 : streams_[which].below(1000) >= per_mille) return false;
  // The number of occurrences of one kind does not depend on the other kinds, so an index means the same occurrence
  // after another one was suppressed, as far as the worlds are still alike.
  const auto index = static_cast<std::uint32_t>(which << 16U) + counts_.at(which)++;
  if (suppressed_.contains(index)) return false;
  struck_.push_back({index, perturbation});
  has_struck_.at(which) = true;
  return true;
}

void Perturbations::allow_only(const std::vector<Perturbation>& perturbations) {
  allowed_.fill(false);
  for (const auto each : perturbations) allowed_.at(static_cast<std::size_t>(each)) = true;
}

}  // namespace modelrun::simulation
