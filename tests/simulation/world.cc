#include "simulation/world.h"

#include <algorithm>
#include <utility>

#include "api/json_access.h"

namespace modelrun::simulation {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::uint64_t kMostSteps = 400'000;
constexpr seconds kMostCalm{900};               // for runs to end after the faults, whatever they wait for
constexpr std::uint64_t kMostCalmWrites = 600;  // of operators in that time; more is a loop

}  // namespace

World::World(WorldOptions options)
    : options_(std::move(options)),
      random_choices_(options_.seed),
      sim_(options_.seed, options_.suppressed, options_.schedule != nullptr ? *options_.schedule : random_choices_),
      server_(sim_),
      cluster_({sim_,
                server_,
                [this] { return processes(); },
                [this](const PodTruth& pod) { invariants_.on_grant(pod); },
                [this](const PodTruth& pod, const auto& points) { invariants_.on_points(pod, points); },
                {}}),
      people_(sim_, server_, cluster_, git_),
      faults_({sim_, server_, network_, cluster_, people_, git_, [this] { return processes(); }}),
      invariants_(sim_, server_, cluster_, git_),
      slots_random_(options_.seed, "slots") {
  if (options_.trace || options_.print_trace) sim_.trace.turn_on(options_.print_trace);
  if (options_.only) sim_.perturbations.allow_only(*options_.only);
  if (options_.strikes != nullptr) sim_.perturbations.decide_by(*options_.strikes);
  sim_.instant = options_.instant;
  settings_.agent_image = "agent:1";
  settings_.default_image = "python:1";
  settings_.image_pull_policy = "IfNotPresent";
  settings_.run_server_address = "10.0.0.1:7443";
  sim_.sweeps = options_.shape.sweeps;
  // So that slow points need more time than a run may have; no other run has more.
  if (sim_.sweeps) settings_.max_timeout_seconds = 60;
  server_.on_commit = [this](const Commit& commit) {
    cluster_.on_commit(commit);
    invariants_.on_commit(commit);
    if (options_.strikes != nullptr) kill_a_pod();
  };
  server_.on_admission = [this](Kind kind) { return admit(kind); };
  server_.on_log = [this](const Json& pod, const std::string&) { return read_log(pod); };
}

World::~World() = default;

std::vector<std::shared_ptr<Process>> World::processes() const {
  std::vector<std::shared_ptr<Process>> running;
  for (const auto& process : processes_) {
    if (process && !process->is_dead()) running.push_back(process);
  }
  return running;
}

// For enumerations: after any write a pod may be killed, as the disturbances of other worlds do at any time.
void World::kill_a_pod() {
  if (!sim_.perturbations.strikes(Perturbation::kAgentKilled, 0)) return;
  sim_.fibers.spawn(sim_.group, "disturbance", [this] { cluster_.disturb(Perturbation::kAgentKilled); });
}

std::optional<kube::Response> World::admit(Kind kind) {
  const auto which = static_cast<std::size_t>(kind);
  if (network_.refused.at(which)) {
    return status_answer(403, "Forbidden", fmt::format("exceeded quota: count/{}", resource_of(kind).plural));
  }
  if (network_.webhook_down.at(which)) {
    return status_answer(500, "InternalError", "failed calling webhook \"policy.example.com\": connection refused");
  }
  return std::nullopt;
}

kube::Response World::read_log(const Json& pod) {
  const auto found = cluster_.pods().find(uid_of(pod));
  if (found == cluster_.pods().end()) return {.status = 200, .body = "", .retry_after = {}};
  if (found->second->lost) return status_answer(500, "InternalError", "dial tcp 10.0.0.2:10250: i/o timeout");
  return {.status = 200, .body = found->second->log, .retry_after = {}};
}

// Keeps one process running, as a Deployment does.
void World::supervise(std::size_t slot) {
  const auto who = fmt::format("operator {}", static_cast<char>('A' + slot));
  for (int life = 0; !sim_.over.stop_requested(); ++life) {
    // A restarted container has the identity of the one before it, a new pod has its own.
    const bool same_pod = slots_random_.percent(50);
    auto process = std::make_shared<Process>(ProcessParts{
        .sim = sim_,
        .server = server_,
        .network = network_,
        .git = git_,
        .settings = settings_,
        .who = who,
        .identity = same_pod ? who : fmt::format("{}-{}", who, life),
        .seed = options_.seed * 31 + slot * 7 + static_cast<std::uint64_t>(life),
        .clock_offset = options_.instant ? milliseconds(0) : milliseconds(slots_random_.between(-1500, 1500)),
        .elect = options_.elect,
    });
    processes_[slot] = process;
    process->start();
    // Two processes that both lead never agree about what only one of them can know, such as who asks it for work.
    const auto surplus = [&] { return sim_.calm && !options_.elect && slot > 0; };
    sim_.fibers.wait({}, [&] { return process->is_dead() || process->is_stopping() || surplus(); }, sim_.stop());
    if (sim_.over.stop_requested() || surplus()) process->kill();
    sim_.fibers.wait({}, [&] { return process->ended(); });
    processes_[slot].reset();
    sim_.trace.line(who, "has ended");
    process.reset();
    if (surplus()) return;
    if (sim_.instant) continue;
    sim_.fibers.wait(
        sim_.fibers.now() + milliseconds(slots_random_.between(50, 12'000)), [this] { return sim_.calm; }, sim_.stop());
  }
}

void World::sample() {
  if (options_.coverage == nullptr) return;
  std::uint64_t state = server_.digest();
  for (const auto& process : processes_) state = mix(state, process ? process->digest() : 7);
  options_.coverage->note(state);
}

bool World::go_on(Nanos until, const std::function<bool()>& done) {
  while (invariants_.violation().empty() && !(done && done())) {
    if (!sim_.fibers.step(until)) break;
    sample();
    if (!sim_.fibers.failure().empty()) invariants_.violate("I16", "an exception: " + sim_.fibers.failure());
    if (++steps_ > kMostSteps)
      invariants_.violate("I6", "the world does not come to an end; undone: " + invariants_.undone());
  }
  return invariants_.violation().empty();
}

Outcome World::play() {
  invariants_.check({16});  // at every step
  people_.begin(options_.shape);
  cluster_.start();
  processes_.resize(static_cast<std::size_t>(options_.shape.processes));
  for (std::size_t slot = 0; slot < processes_.size(); ++slot) {
    sim_.fibers.spawn(sim_.group, fmt::format("supervisor {}", slot), [this, slot] { supervise(slot); });
  }
  if (options_.script) {
    sim_.fibers.spawn(sim_.group, "script", [this] {
      options_.script(*this);
      script_done_ = true;
    });
    go_on(std::chrono::hours(1), [this] { return script_done_; });
  } else if (options_.strikes != nullptr || options_.schedule != nullptr) {
    go_on(seconds(60), [this] { return people_.done_creating() && invariants_.all_done(); });
  } else {
    Random random(options_.seed, "length");
    faults_.start();
    go_on(seconds(random.between(10, 120)));
  }
  if (invariants_.violation().empty()) calm_down();
  if (invariants_.violation().empty()) be_quiet();
  finish();
  Outcome outcome{.violation = invariants_.violation(),
                  .struck = sim_.perturbations.struck(),
                  .trace = sim_.trace.lines(),
                  .steps = steps_,
                  .checked = invariants_.checked(),
                  .ends = {}};
  for (const auto& [key, sweep] : server_.all(Kind::kSweeps)) {
    outcome.ends.push_back(fmt::format("{} {}", key, status_text(sweep->json, "phase")));
  }
  for (const auto& [key, run] : server_.all(Kind::kRuns)) {
    const auto& run_status = api::member(run->json, "status");
    outcome.ends.push_back(fmt::format("{} {} attempts {}", key, api::text_at(run_status, "phase"),
                                       api::int_at(run_status, "attempts").value_or(0)));
  }
  return outcome;
}

// The faults are over: every run has to end.
void World::calm_down() {
  faults_.end();
  calm_since_ = sim_.fibers.now();
  sim_.trace.line("world", "the faults are over");
  const auto writes = invariants_.operator_writes();
  while (!(people_.done_creating() && invariants_.all_done())) {
    if (!go_on(sim_.fibers.now() + seconds(5))) return;
    const auto since = sim_.fibers.now() - calm_since_;
    invariants_.check({6, 15});
    invariants_.check_calm(since);
    if (since > kMostCalm) {
      invariants_.violate("I15",
                          fmt::format("{} s after the faults: {}", seconds(kMostCalm).count(), invariants_.undone()));
    }
    if (invariants_.operator_writes() - writes > kMostCalmWrites) {
      invariants_.violate("I6", fmt::format("{} writes after the faults, and still: {}",
                                            invariants_.operator_writes() - writes, invariants_.undone()));
    }
  }
}

// The runs are over: what is left of them goes, and then nothing is written any more.
void World::be_quiet() {
  const bool lost = std::ranges::any_of(cluster_.pods(), [](const auto& pod) { return pod.second->lost; });
  if (!go_on(sim_.fibers.now() + seconds(150))) return;
  if (lost && !go_on(calm_since_ + seconds(400))) return;
  invariants_.check_end();
  invariants_.check({6});
  if (sim_.led_again) invariants_.check({13});
  const auto writes = invariants_.operator_writes();
  if (!go_on(sim_.fibers.now() + seconds(60))) return;
  // By a clock that has jumped, the time to live of a finished run may end at any time.
  const bool jumped = sim_.perturbations.has_struck(Perturbation::kClockJump);
  if (invariants_.operator_writes() != writes && !jumped) {
    invariants_.violate("I6", "an operator writes although all is over");
  }
}

// Ends all fibers.
void World::finish() {
  sim_.over.request_stop();
  sim_.perturbations.end();
  sim_.calm = true;
  for (const auto& process : processes_) {
    if (process) process->kill();
  }
  const auto until = sim_.fibers.now() + std::chrono::hours(1);
  for (int i = 0; i < 1'000'000 && sim_.fibers.alive() > 0; ++i) {
    if (!sim_.fibers.step(until)) break;
  }
  if (sim_.fibers.alive() > 0) {
    // Their stacks hold references to this world, so that it cannot be destroyed.
    fmt::print(stderr, "fibers that do not end: {}\n", sim_.fibers.names());
    std::abort();
  }
}

bool World::until(const std::function<bool()>& done, seconds most) {
  return sim_.fibers.wait(sim_.fibers.now() + most, done, sim_.stop());
}

std::shared_ptr<Process> World::leader() const {
  std::shared_ptr<Process> found;
  for (const auto& process : processes()) {
    if (!process->leading()) continue;
    if (found) return nullptr;
    found = process;
  }
  return found;
}

void World::expect(bool holds, const std::string& what) {
  if (!holds) invariants_.violate("scenario", what);
}

Json World::status(const std::string& run_key) const {
  const auto run = server_.find(Kind::kRuns, run_key);
  return run ? api::member(run->json, "status") : Json();
}

std::string World::phase(const std::string& run_key) const {
  return api::text_at(status(run_key), "phase");
}

}  // namespace modelrun::simulation
