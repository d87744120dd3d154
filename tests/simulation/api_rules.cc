#include "simulation/api_rules.h"

#include <fmt/format.h>

#include "api/json_access.h"

namespace modelrun::simulation {
namespace {

using api::member;

// null counts as absent, as it does for a CEL rule of a field that is not nullable.
bool same(const Json& a, const Json& b, const char* field) {
  return member(a, field) == member(b, field);
}

// Those of runs and of sweeps: what one of them does not have is absent before and after.
std::optional<std::string> broken_spec(const Json& before, const Json& after) {
  for (const char* field : {"project", "scope", "modelName", "branch", "commitSHA", "parameters", "points",
                            "timeoutSeconds", "reuse", "space", "outputs", "limits"}) {
    if (!same(before, after, field)) return "it is fixed once it is created (only cancel and suspend may change)";
  }
  if (api::bool_at(before, "cancel") && !api::bool_at(after, "cancel")) return "what is cancelled stays cancelled";
  return std::nullopt;
}

std::optional<std::string> broken_status(const Json& before, const Json& after) {
  if (is_final_phase(api::text_at(before, "phase"))) {
    for (const char* field : {"phase", "exitCode", "finishedAt"}) {
      if (!same(before, after, field)) return fmt::format("it is over: {} never changes again", field);
    }
    for (const char* field : {"commitSHA", "runNumber"}) {
      if (before.contains(field) != after.contains(field)) {
        return fmt::format("it is over: {} never changes again", field);
      }
    }
  }
  for (const char* field : {"commitSHA", "runNumber"}) {
    if (before.contains(field) && !same(before, after, field))
      return fmt::format("{} never changes once it is set", field);
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::string> broken_rule(Kind kind, const Json* before, const Json& after) {
  if ((kind != Kind::kRuns && kind != Kind::kSweeps) || before == nullptr) return std::nullopt;
  const auto& old_spec = member(*before, "spec");
  const auto& new_spec = member(after, "spec");
  if (old_spec != new_spec) {
    if (auto why = broken_spec(old_spec, new_spec)) return why;
  }
  const auto& old_status = member(*before, "status");
  const auto& new_status = member(after, "status");
  if (!old_status.is_object() || old_status == new_status) return std::nullopt;
  return broken_status(old_status, new_status);
}

}  // namespace modelrun::simulation
