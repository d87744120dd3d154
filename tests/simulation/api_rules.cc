#include "simulation/api_rules.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "api/json_access.h"

namespace modelrun::simulation {
namespace {

using api::member;

bool is_final(const Json& status) {
  constexpr std::array kFinal = {"Succeeded", "Failed", "TimedOut", "Cancelled"};
  const auto& phase = member(status, "phase");
  return phase.is_string() && std::ranges::find(kFinal, phase.get_ref<const std::string&>()) != kFinal.end();
}

// null counts as absent, as it does for a CEL rule of a field that is not nullable.
bool same(const Json& a, const Json& b, const char* field) {
  return member(a, field) == member(b, field);
}

std::optional<std::string> broken_spec(const Json& before, const Json& after) {
  for (const char* field :
       {"project", "scope", "modelName", "branch", "commitSHA", "parameters", "timeoutSeconds", "reuse"}) {
    if (!same(before, after, field)) {
      return "a run is fixed once it is created (only cancel and suspend may change)";
    }
  }
  if (api::bool_at(before, "cancel") && !api::bool_at(after, "cancel")) return "a cancelled run stays cancelled";
  return std::nullopt;
}

std::optional<std::string> broken_status(const Json& before, const Json& after) {
  if (is_final(before)) {
    for (const char* field : {"phase", "exitCode", "finishedAt"}) {
      if (!same(before, after, field)) return fmt::format("this run is over: {} never changes again", field);
    }
    for (const char* field : {"commitSHA", "runNumber"}) {
      if (before.contains(field) != after.contains(field)) {
        return fmt::format("this run is over: {} never changes again", field);
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
  if (kind != Kind::kRuns || before == nullptr) return std::nullopt;
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
