// modelrun-simulate: plays simulated worlds of the operator. See --help.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <map>

#include "base/log.h"
#include "simulation/campaign.h"
#include "simulation/search.h"

namespace modelrun::simulation {
namespace {

struct Flags {
  std::uint64_t seed = 0;
  std::uint64_t first_seed = 1;
  std::uint64_t seeds = 0;
  std::string time = "0s";
  int jobs = 1;
  bool trace = false, shrink = false, table = false, matrix = false;
  std::vector<std::uint32_t> without;
  std::string exhaustive;
  int depth = 3;
};

std::chrono::seconds parse_time(const std::string& text) {
  std::size_t used = 0;
  const long number = std::stol(text, &used);
  const auto unit = text.substr(used);
  if (unit == "h") return std::chrono::hours(number);
  if (unit == "m") return std::chrono::minutes(number);
  if (unit == "s" || unit.empty()) return std::chrono::seconds(number);
  throw CLI::ValidationError("--for", "a number and s, m or h");
}

void print_trace(const std::vector<std::string>& trace) {
  for (const auto& line : trace) fmt::print("{}\n", line);
}

std::string without_flags(const std::set<std::uint32_t>& suppressed) {
  std::string text;
  for (const auto index : suppressed) text += fmt::format(" --without {}", index);
  return text;
}

int play_one(const Flags& flags) {
  const std::set<std::uint32_t> suppressed(flags.without.begin(), flags.without.end());
  auto options = options_of(flags.seed);
  options.suppressed = suppressed;
  options.print_trace = flags.trace;
  Coverage coverage;
  options.coverage = &coverage;
  const auto outcome = World(std::move(options)).play();
  fmt::print("seed {}: {} steps, {} states, {} perturbations\n", flags.seed, outcome.steps, coverage.states(),
             outcome.struck.size());
  for (const auto& end : outcome.ends) fmt::print("  {}\n", end);
  if (outcome.violation.empty()) return 0;
  fmt::print("FAIL {}\n", outcome.violation);
  if (!flags.shrink) return 1;
  const auto small = shrink(flags.seed, suppressed);
  fmt::print("\nThe smallest world found in {} tries:\n", small.tries);
  print_trace(small.outcome.trace);
  for (const auto& each : small.outcome.struck) {
    fmt::print("  {:>8}  {}\n", each.index, info_of(each.perturbation).what);
  }
  fmt::print("FAIL {}\nmodelrun-simulate --trace --seed {}{}\n", small.outcome.violation, flags.seed,
             without_flags(small.suppressed));
  return 1;
}

// In how many worlds an invariant could have broken while a perturbation was at work.
void print_matrix(const Matrix& matrix) {
  std::vector<std::size_t> columns;
  for (std::size_t i = 1; i <= kInvariants; ++i) {
    if (!invariant_infos().at(i - 1).how.empty()) columns.push_back(i);
  }
  fmt::print("worlds in which the perturbation struck and the invariant was checked\n{:<18}", "");
  for (const auto i : columns) fmt::print("{:>6}", fmt::format("I{}", i));
  int never = 0;
  for (std::size_t p = 0; p < matrix.size(); ++p) {
    fmt::print("\n{:<18}", info_of(static_cast<Perturbation>(p)).name);
    for (const auto i : columns) {
      const auto worlds = matrix.at(p).at(i);
      never += worlds == 0 ? 1 : 0;
      fmt::print("{:>6}", worlds == 0 ? "-" : std::to_string(worlds));
    }
  }
  fmt::print("\n{} pairs of {} never met\n", never, columns.size() * matrix.size());
}

int play_many(const Flags& flags) {
  const auto result = run_campaign(
      {.first_seed = flags.first_seed, .seeds = flags.seeds, .time = parse_time(flags.time), .jobs = flags.jobs});
  std::map<std::string, int> kinds;
  for (const auto& failure : result.failures) {
    ++kinds[invariant_of(failure.violation)];
    fmt::print("FAIL seed {}: {}\n", failure.seed, failure.violation);
  }
  for (const auto& [invariant, count] : kinds) fmt::print("{:>6} x {}\n", count, invariant);
  if (flags.matrix) print_matrix(result.matrix);
  fmt::print("{} seeds in {:.0f} s ({:.1f} a second), {:.0f} steps a second, {} distinct states, {} seeds failed\n",
             result.seeds, result.seconds, static_cast<double>(result.seeds) / result.seconds,
             static_cast<double>(result.steps) / result.seconds, result.states, result.failures.size());
  return result.failures.empty() ? 0 : 1;
}

int play_all(const Flags& flags) {
  auto time = parse_time(flags.time);
  if (time.count() == 0) time = std::chrono::hours(24);
  Coverage coverage;
  const auto result = enumerate(flags.exhaustive, flags.depth, time, coverage);
  print_trace(result.trace);
  fmt::print("{}: {} worlds, {} positions, all worlds with up to {} deviations, {} distinct states\n", flags.exhaustive,
             result.worlds, result.positions, result.complete_depth, result.states);
  if (result.violation.empty()) return 0;
  for (const auto& each : result.deviations) fmt::print("  position {}: choice {}\n", each.position, each.value);
  fmt::print("FAIL {}\n", result.violation);
  return 1;
}

int print_table() {
  fmt::print("Invariants\n");
  for (const auto& info : invariant_infos()) {
    fmt::print("  {:<4} {:<62} {}\n", info.name, info.what, info.how.empty() ? "not modelled" : info.how);
  }
  fmt::print(
      "\nPerturbations; every one can strike in every phase of a run, and every invariant above is checked under it\n");
  for (std::size_t i = 0; i < static_cast<std::size_t>(Perturbation::kCount); ++i) {
    const auto& info = info_of(static_cast<Perturbation>(i));
    fmt::print("  {:<18} {}\n", info.name, info.what);
  }
  return 0;
}

int run(int argc, char** argv) {
  Flags flags;
  CLI::App app(
      "Plays simulated worlds: the operator's own code on one thread, against a model of the API server, the cluster, "
      "git\n"
      "and people. A seed decides everything. Exit code 1 when an invariant is violated.",
      "modelrun-simulate");
  app.add_option("--seed", flags.seed, "play this seed only");
  app.add_flag("--trace", flags.trace, "with --seed: print what happens, a line an event");
  app.add_flag("--shrink", flags.shrink, "with --seed: look for the smallest world that fails in the same way");
  app.add_option("--without", flags.without,
                 "with --seed: leave out this occurrence of a perturbation; may be repeated");
  app.add_option("--first-seed", flags.first_seed, "the first of many seeds")->capture_default_str();
  app.add_option("--seeds", flags.seeds, "play so many seeds");
  app.add_option("--for", flags.time, "play for this long, for example 120s, 10m or 1h");
  app.add_option("--jobs", flags.jobs, "processes")->capture_default_str()->check(CLI::Range(1, 256));
  std::string known;
  for (const auto& each : enumerations()) known += fmt::format("\n{}: {}", each.name, each.what);
  std::vector<std::string> names;
  for (const auto& each : enumerations()) names.emplace_back(each.name);
  app.add_option("--exhaustive", flags.exhaustive, "play all worlds that deviate from the usual order" + known)
      ->check(CLI::IsMember(names));
  app.add_option("--depth", flags.depth, "with --exhaustive: at up to so many positions")->capture_default_str();
  app.add_flag("--matrix", flags.matrix,
               "with many seeds: print how often each invariant was checked under each perturbation");
  app.add_flag("--table", flags.table, "print which invariants and perturbations are modelled");
  CLI11_PARSE(app, argc, argv);
  // The operator's own log would be in the way; the trace tells what it does.
  log::configure(log::Format::kText, log::Level::kError);
  if (flags.table) return print_table();
  if (!flags.exhaustive.empty()) return play_all(flags);
  if (flags.seed != 0) return play_one(flags);
  if (flags.seeds == 0 && flags.time == "0s") flags.seeds = 100;
  return play_many(flags);
}

}  // namespace
}  // namespace modelrun::simulation

int main(int argc, char** argv) {
  return modelrun::simulation::run(argc, argv);
}
