// What is printed of the checks' outcomes.
#include <algorithm>

#include <nlohmann/json.hpp>

#include "base/printable.h"
#include "cli/doctor/check.h"

namespace modelrun::cli::doctor {
namespace {

constexpr std::string_view kIndent = "      ";  // below the names, which stand behind the verdicts

std::ptrdiff_t count_of(std::span<const Outcome> outcomes, Verdict verdict) {
  return std::ranges::count_if(outcomes, [&](const Outcome& outcome) { return outcome.findings.verdict() == verdict; });
}

}  // namespace

std::string outcome_text(const Outcome& outcome) {
  const auto& findings = outcome.findings;
  const auto& what = findings.problems.empty() ? findings.summary : std::string(outcome.check->looks_at);
  auto text = fmt::format("{:<6}{}: {}\n", to_string(findings.verdict()), outcome.check->name, printable(what));
  for (const auto& problem : findings.problems) {
    text += fmt::format("{}{}\n", kIndent, printable(problem.message));
    if (!problem.advice.empty()) text += fmt::format("{}-> {}\n", kIndent, printable(problem.advice));
  }
  return text;
}

std::string summary_text(std::span<const Outcome> outcomes) {
  const auto count = [&](Verdict verdict) { return count_of(outcomes, verdict); };
  return fmt::format("{} ok, {} with warnings, {} failed, {} skipped\n", count(Verdict::kOk), count(Verdict::kWarn),
                     count(Verdict::kFail), count(Verdict::kSkip));
}

kube::Json report_json(std::span<const Outcome> outcomes) {
  kube::Json checks = kube::Json::array();
  for (const auto& outcome : outcomes) {
    kube::Json problems = kube::Json::array();
    for (const auto& problem : outcome.findings.problems) {
      problems.push_back({{"verdict", problem.verdict == Verdict::kFail ? "fail" : "warn"},
                          {"message", printable(problem.message)},
                          {"advice", printable(problem.advice)}});
    }
    const auto verdict = outcome.findings.verdict();
    checks.push_back({{"name", outcome.check->name},
                      {"looksAt", outcome.check->looks_at},
                      {"verdict", verdict == Verdict::kFail ? "fail" : to_string(verdict)},
                      {"summary", printable(outcome.findings.summary)},
                      {"problems", std::move(problems)}});
  }
  return {{"version", MODELRUN_VERSION},
          {"healthy", exit_code_of(outcomes) == 0},
          {"ok", count_of(outcomes, Verdict::kOk)},
          {"warn", count_of(outcomes, Verdict::kWarn)},
          {"fail", count_of(outcomes, Verdict::kFail)},
          {"skip", count_of(outcomes, Verdict::kSkip)},
          {"checks", std::move(checks)}};
}

int exit_code_of(std::span<const Outcome> outcomes) {
  return count_of(outcomes, Verdict::kFail) > 0 ? 1 : 0;
}

}  // namespace modelrun::cli::doctor
