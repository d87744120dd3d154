// People and their sweeps.
#include "api/json_access.h"
#include "api/model_sweep.h"
#include "simulation/people.h"

namespace modelrun::simulation {

using api::member;
using std::chrono::milliseconds;
using P = Perturbation;

void People::begin_sweeps() {
  sweeps_to_create_ = sweeps_.percent(75) ? 1 : 2;
  sim_.fibers.spawn(sim_.group, "people with sweeps", [this] {
    for (int i = 0; sweeps_to_create_ > 0; ++i, --sweeps_to_create_) {
      if (!sim_.pause_unless_calm(milliseconds(sweeps_.between(0, 15'000)))) return;
      const auto& project = projects_[sweeps_.below(projects_.size())];
      const auto slash = project.find('/');
      create_sweep(fmt::format("{}/sweep-{}", project.substr(0, slash), i), sweep_spec(project.substr(slash + 1)));
    }
  });
}

// A grid of one axis or two, of 2 to 24 points.
Json People::sweep_spec(const std::string& project) {
  const auto axis = [this](const char* name, std::int64_t least, std::int64_t most) {
    Json values = Json::array();
    for (auto left = sweeps_.between(least, most); left > 0; --left) values.push_back(100 * left);
    return Json{{"name", name}, {"values", std::move(values)}};
  };
  Json grid = {axis("growth", 2, 8)};
  if (sweeps_.percent(40)) grid.push_back(axis("rate", 1, 3));
  Json limits = {{"parallelism", sweeps_.between(1, 3)}};
  if (sweeps_.percent(25)) limits["maxFailedPoints"] = sweeps_.between(0, 2);
  Json parameters = {{"years", 5}};
  if (sweeps_.percent(25)) parameters[kSlowPoints] = true;
  return {{"project", project},
          {"scope", "project"},
          {"parameters", std::move(parameters)},
          {"space", {{"grid", std::move(grid)}}},
          {"limits", std::move(limits)}};
}

void People::create_sweep(const std::string& key, Json spec) {
  auto object = named(key, std::move(spec));
  object["kind"] = "ModelSweep";
  sim_.trace.line("person", "creates sweep {}: {}", key, object["spec"].dump());
  (void)server_.create(Kind::kSweeps, std::move(object), "person");
}

void People::delete_sweep(const std::string& key) {
  sim_.trace.line("person", "deletes sweep {}", key);
  (void)server_.remove(Kind::kSweeps, key, "person");
}

// What people do to runs they sometimes do to sweeps. Returns false if this time it is a run's turn.
bool People::act_on_sweep(Perturbation perturbation) {
  if (!sweeps_.percent(50)) return false;
  switch (perturbation) {
    case P::kRunCancelled:
      if (const auto sweep = pick(Kind::kSweeps, under_way)) {
        patch_spec(Kind::kSweeps, key_of(sweep->json), {{"cancel", true}});
      }
      return true;
    case P::kRunSuspended:
      suspend(Kind::kSweeps);
      return true;
    case P::kRunDeleted:
      if (const auto sweep = pick(Kind::kSweeps, [](const Json&) { return true; })) delete_sweep(key_of(sweep->json));
      return true;
    case P::kRunFinalizer:
      hold(Kind::kSweeps);
      return true;
    case P::kRunRecreated:
      recreate(Kind::kSweeps);
      return true;
    case P::kNonsenseStatus:
      write_nonsense(Kind::kSweeps);
      return true;
    default:
      return false;
  }
}

}  // namespace modelrun::simulation
