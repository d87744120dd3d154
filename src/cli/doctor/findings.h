// What a check of `kubectl modelrun doctor` has found. Pure.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace modelrun::cli::doctor {

// In this order each is worse than those before it, except that a check that is skipped has found nothing.
enum class Verdict { kSkip, kOk, kWarn, kFail };

// The word of a line: "ok", "warn", "FAIL" or "skip".
std::string_view to_string(Verdict verdict);

// One thing that is not as it should be.
struct Problem {
  Verdict verdict = Verdict::kFail;  // kWarn or kFail
  std::string message;               // a sentence: what is wrong, on which object
  std::string advice;                // what to do, with a command between backquotes where there is one
};

// The result of one check: a summary, or problems, or why nothing was looked at.
struct Findings {
  std::string summary;  // what is so; shown when there is no problem
  std::vector<Problem> problems;
  bool skipped = false;  // then `summary` is the reason

  void warn(std::string message, std::string advice) {
    problems.push_back({Verdict::kWarn, std::move(message), std::move(advice)});
  }
  void fail(std::string message, std::string advice) {
    problems.push_back({Verdict::kFail, std::move(message), std::move(advice)});
  }
  // The worst of the problems; kOk or kSkip without one.
  [[nodiscard]] Verdict verdict() const;
};

inline Findings fine(std::string summary) {
  return {.summary = std::move(summary), .problems = {}};
}

inline Findings skip(std::string reason) {
  return {.summary = std::move(reason), .problems = {}, .skipped = true};
}

// "a, b, c, d, e and 7 more".
std::string some_of(const std::vector<std::string>& names);

}  // namespace modelrun::cli::doctor
