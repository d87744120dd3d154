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

void spoil_sweep(Json& status, Random& random) {
  switch (random.below(7)) {
    case 0:
      if (!status.contains("commitSHA")) status["commitSHA"] = std::string(40, 'f');
      return;
    case 1:
      status["points"] = {{"total", kMost}, {"succeeded", -1}, {"failed", kMost}, {"running", kMost}};
      return;
    case 2:
      status["runs"] = {{{"name", "../../secrets/x?y=z"}, {"first", kMost}, {"count", -1}, {"phase", "Running"}}};
      return;
    case 3:
      status["tableRef"] = {{"configMaps", {"a/b"}}, {"sha256", ""}, {"bytes", kMost}, {"rows", -1}};
      return;
    case 4:
      status["conditions"] = {{{"type", "Succeeded"}, {"status", "Maybe"}, {"reason", ""}}};
      return;
    case 5:
      status["phase"] = "Running";
      return;
    default:
      status["observedGeneration"] = kMost;
      return;
  }
}

}  // namespace

void People::write_nonsense(Kind kind) {
  const bool of_project = kind == Kind::kProjects;
  const auto object = pick(kind, [](const Json& json) { return !is_deleting(json); });
  if (!object) return;
  const auto key = key_of(object->json);
  const auto changed = server_.change(kind, key, "person", [&](Json& json) {
    auto& status = json["status"];
    if (of_project) return spoil_project(status, sim_.people);
    kind == Kind::kRuns ? spoil_run(status, sim_.people) : spoil_sweep(status, sim_.people);
  });
  if (!changed) return;
  sim_.trace.line("person", "writes nonsense into the status of {}: {}", key, changed->json["status"].dump());
  for (const auto& [run_key, run] : server_.all(Kind::kRuns)) {
    const auto project =
        meta_text(run->json, "namespace") + "/" + api::text_at(api::member(run->json, "spec"), "project");
    const bool of_sweep = kind == Kind::kSweeps && owner_uid(run->json) == uid_of(object->json);
    if (run_key != key && !(of_project && project == key) && !of_sweep) continue;
    cluster_.run(uid_of(run->json)).nonsense = true;
    cluster_.sweep(owner_uid(run->json)).nonsense = true;
  }
  if (kind == Kind::kSweeps) cluster_.sweep(uid_of(object->json)).nonsense = true;
}

}  // namespace modelrun::simulation
