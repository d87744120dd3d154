#include "cli/doctor/findings.h"

#include <fmt/ranges.h>

#include <algorithm>

namespace modelrun::cli::doctor {

std::string_view to_string(Verdict verdict) {
  switch (verdict) {
    case Verdict::kSkip:
      return "skip";
    case Verdict::kOk:
      return "ok";
    case Verdict::kWarn:
      return "warn";
    case Verdict::kFail:
      return "FAIL";
  }
  return "";
}

Verdict Findings::verdict() const {
  if (skipped) return Verdict::kSkip;
  Verdict worst = Verdict::kOk;
  for (const auto& problem : problems) worst = std::max(worst, problem.verdict);
  return worst;
}

std::string some_of(const std::vector<std::string>& names) {
  constexpr std::size_t kShown = 5;
  if (names.size() <= kShown) return fmt::format("{}", fmt::join(names, ", "));
  return fmt::format("{} and {} more", fmt::join(names.begin(), names.begin() + kShown, ", "), names.size() - kShown);
}

}  // namespace modelrun::cli::doctor
