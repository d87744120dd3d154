// Statuses that no operator has written: what the schemas of the custom resources allow, and no more.
#include <cstdint>
#include <limits>

#include "api/json_access.h"
#include "simulation/people.h"

namespace modelrun::simulation {
namespace {

constexpr auto kMost = std::numeric_limits<std::int64_t>::max();
constexpr auto kMostInt = std::numeric_limits<std::int32_t>::max();

void spoil_run(Json& status, Random& random) {
  switch (random.below(12)) {
    case 0:
      status["attempts"] = -5;
      return;
    case 1:
      status["attempts"] = kMostInt;
      return;
    case 2:
      status["jobName"] = "some-job";  // without projectUID
      return;
    case 3:
      status["podName"] = "../../secrets/x?y=z";
      status["podUID"] = "nobody";
      status["jobName"] = "a/b";
      return;
    case 4:
      if (!status.contains("runNumber")) status["runNumber"] = kMost;
      return;
    case 5:
      status["reusedFrom"] = {{"name", "nobody"}, {"uid", "nobody"}};
      return;
    case 6:
      status["timeline"] = {{"accepted", "9999-12-31T23:59:59Z"}, {"resumed", "0001-01-01T00:00:00Z"}};
      return;
    case 7:
      status["projectUID"] = "nobody";
      status["projectGeneration"] = kMost;
      return;
    case 8:
      status["projectSpec"] = {{"limits", {{"pendingSeconds", -1}, {"attempts", kMostInt}}}, {"runtime", 7}};
      return;
    case 9:
      status["phase"] = "Running";
      return;
    case 10:
      status["conditions"] = {{{"type", "Succeeded"}, {"status", "Maybe"}, {"reason", ""}}};
      return;
    default:
      status["observedGeneration"] = kMost;
      return;
  }
}

void spoil_project(Json& status, Random& random) {
  switch (random.below(5)) {
    case 0:
      status["active"] = {{{"uid", "nobody"}}, {{"uid", "../x"}, {"name", "../../y"}, {"number", -1}}};
      return;
    case 1:
      status["lastRunNumber"] = kMost;
      return;
    case 2:
      status["lastRunNumber"] = -7;
      return;
    case 3:
      status["active"] = {{{"uid", "nobody"}, {"name", ""}, {"generation", kMost}}};
      return;
    default:
      status["conditions"] = {{{"type", "Ready"}, {"status", "True"}}};
      return;
  }
}

}  // namespace

void People::write_nonsense() {
  const bool of_project = sim_.people.percent(35);
  const auto kind = of_project ? Kind::kProjects : Kind::kRuns;
  const auto object = pick(kind, [](const Json& json) { return !is_deleting(json); });
  if (!object) return;
  const auto key = key_of(object->json);
  const auto changed = server_.change(kind, key, "person", [&](Json& json) {
    if (of_project)
      spoil_project(json["status"], sim_.people);
    else
      spoil_run(json["status"], sim_.people);
  });
  if (!changed) return;
  sim_.trace.line("person", "writes nonsense into the status of {}: {}", key, changed->json["status"].dump());
  for (const auto& [run_key, run] : server_.all(Kind::kRuns)) {
    const auto project =
        meta_text(run->json, "namespace") + "/" + api::text_at(api::member(run->json, "spec"), "project");
    if (run_key == key || (of_project && project == key)) cluster_.run(uid_of(run->json)).nonsense = true;
  }
}

}  // namespace modelrun::simulation
