#include "simulation/campaign.h"

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#include <set>
#include <stdexcept>

#include <fmt/format.h>

#include "simulation/search.h"

namespace modelrun::simulation {
namespace {

constexpr unsigned kSecondsPerSeed = 60;
constexpr std::size_t kMostFailures = 400;

// In memory that parent and children share. Each child writes its own; the parent reads when the child has ended.
struct Report {
  struct Entry {
    std::uint64_t seed;
    std::array<char, 600> violation;
  };
  std::uint64_t current_seed;
  std::uint64_t seeds, steps, failures;
  Matrix matrix;
  std::array<Entry, kMostFailures> entries;
};

void add_failure(Report& report, std::uint64_t seed, const std::string& violation) {
  if (report.failures >= kMostFailures) return;
  auto& entry = report.entries.at(report.failures++);
  entry.seed = seed;
  std::strncpy(entry.violation.data(), violation.c_str(), entry.violation.size() - 1);
}

void add_to(Matrix& matrix, const Outcome& outcome) {
  std::set<Perturbation> struck;
  for (const auto& each : outcome.struck) struck.insert(each.perturbation);
  for (const auto perturbation : struck) {
    auto& row = matrix.at(static_cast<std::size_t>(perturbation));
    for (std::size_t i = 1; i <= kInvariants; ++i) row.at(i) += outcome.checked.test(i) ? 1 : 0;
  }
}

class Child {
 public:
  Child(const CampaignOptions& options, int number, std::chrono::steady_clock::time_point end, Coverage& coverage)
      : options_(options), number_(static_cast<std::uint64_t>(number)), end_(end), coverage_(coverage) {
    void* memory = mmap(nullptr, sizeof(Report), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) throw std::runtime_error("no shared memory");
    report_ = new (memory) Report{};
    report_->current_seed = options_.first_seed + number_;
  }
  ~Child() { munmap(report_, sizeof(Report)); }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  void start() {
    pid_ = fork();
    if (pid_ != 0) return;
    play();
    _exit(0);
  }
  [[nodiscard]] pid_t pid() const { return pid_; }
  [[nodiscard]] Report& report() { return *report_; }
  [[nodiscard]] bool more() const {
    return (options_.seeds == 0 || report_->current_seed < options_.first_seed + options_.seeds) &&
           (options_.time.count() == 0 || std::chrono::steady_clock::now() < end_) &&
           report_->failures < options_.stop_after;
  }
  // The child has ended by a signal while it played a seed.
  void died(int signal) {
    add_failure(*report_, report_->current_seed,
                signal == SIGALRM ? "I16: the world takes more than a minute" : fmt::format("I16: signal {}", signal));
    next();
  }

 private:
  void next() { report_->current_seed += static_cast<std::uint64_t>(options_.jobs); }
  void play() {
    while (more()) {
      alarm(kSecondsPerSeed);
      auto options = options_of(report_->current_seed);
      options.coverage = &coverage_;
      const auto outcome = World(std::move(options)).play();
      alarm(0);
      ++report_->seeds;
      report_->steps += outcome.steps;
      add_to(report_->matrix, outcome);
      if (!outcome.violation.empty()) add_failure(*report_, report_->current_seed, outcome.violation);
      next();
    }
  }

  const CampaignOptions& options_;
  const std::uint64_t number_;
  const std::chrono::steady_clock::time_point end_;
  Coverage& coverage_;
  Report* report_ = nullptr;
  pid_t pid_ = -1;
};

}  // namespace

CampaignResult run_campaign(const CampaignOptions& options) {
  const auto begin = std::chrono::steady_clock::now();
  Coverage coverage;
  std::vector<std::unique_ptr<Child>> children;
  for (int i = 0; i < options.jobs; ++i) {
    children.push_back(std::make_unique<Child>(options, i, begin + options.time, coverage));
    children.back()->start();
  }
  for (int running = options.jobs; running > 0;) {
    int status = 0;
    const auto pid = wait(&status);
    for (const auto& child : children) {
      if (child->pid() != pid) continue;
      if (WIFSIGNALED(status)) child->died(WTERMSIG(status));
      if (WIFSIGNALED(status) && child->more())
        child->start();
      else
        --running;
    }
  }
  CampaignResult result;
  for (const auto& child : children) {
    auto& report = child->report();
    result.seeds += report.seeds;
    result.steps += report.steps;
    for (std::size_t p = 0; p < report.matrix.size(); ++p) {
      for (std::size_t i = 1; i <= kInvariants; ++i) result.matrix.at(p).at(i) += report.matrix.at(p).at(i);
    }
    for (std::size_t i = 0; i < report.failures; ++i) {
      result.failures.push_back({report.entries.at(i).seed, report.entries.at(i).violation.data()});
    }
  }
  result.states = coverage.states();
  result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  return result;
}

}  // namespace modelrun::simulation
