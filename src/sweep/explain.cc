#include "sweep/explain.h"

#include <cassert>
#include <initializer_list>
#include <map>
#include <set>
#include <utility>

#include "api/text_builder.h"
#include "sweep/exact_json.h"
#include "sweep/pointer.h"
#include "sweep/run_comparison.h"

namespace modelrun::sweep {
namespace {

using Members = std::map<std::string, std::string>;  // exact texts by name

Members members_of_run(const api::ModelRun& run) {
  Members members;
  if (!run.spec.parameters) return members;
  // Held beyond the loop: the views that members_of() returns lead into it.
  const auto& text = run.spec.parameters->text();
  for (auto& member : members_of(text)) members.emplace(std::move(member.name), member.value);
  return members;
}

api::JsonText object_of(const Members& members) {
  api::TextBuilder builder;
  builder.open(false);
  for (const auto& [name, value] : members) {
    (void)builder.key(name);
    builder.scalar(value);
  }
  (void)builder.close();
  return api::JsonText::from_compact(builder.take());
}

// What differs of the project; empty if nothing does. A generation of 0 is not known.
std::string project_change(const api::ModelRunStatus& base, const api::ModelRunStatus& other) {
  const bool image = images_of(base.provenance, other.provenance).differ();
  const bool data = base.data_snapshot_ref != other.data_snapshot_ref;
  if (image && data) return "image and data";
  if (image) return "image";
  if (data) return "data";
  const bool known = base.project_generation != 0 && other.project_generation != 0;
  return known && base.project_generation != other.project_generation ? "project settings" : "";
}

Result<void> check_pair(const api::ModelRun& base, const api::ModelRun& other) {
  if (base.meta.namespace_ != other.meta.namespace_ || base.spec.project != other.spec.project ||
      base.spec.entry_point() != other.spec.entry_point()) {
    return fail(ErrorKind::kInvalid,
                "{} is a run of {} of project {}, {} of {} of project {}: only runs of one model of one project can be "
                "explained",
                base.meta.name, base.spec.entry_point(), base.spec.project, other.meta.name, other.spec.entry_point(),
                other.spec.project);
  }
  for (const auto* run : {&base, &other}) {
    if (run->spec.points) {
      return fail(ErrorKind::kInvalid, "run {} has points: only runs with one set of parameters can be explained",
                  run->meta.name);
    }
    if (run->status.commit_sha.empty()) {
      return fail(ErrorKind::kConflict, "run {} was never pinned to a commit: execute it again, and explain that run",
                  run->meta.name);
    }
  }
  return {};
}

void add_parameter_steps(const api::ModelRun& base, const api::ModelRun& other, std::vector<ExplainStep>& steps) {
  auto current = members_of_run(base);
  const auto wanted = members_of_run(other);
  std::set<std::string> names;
  for (const Members* members : std::initializer_list<const Members*>{&current, &wanted}) {
    for (const auto& [name, value] : *members) names.insert(name);
  }
  for (const auto& name : names) {
    const auto found = wanted.find(name);
    const auto now = current.find(name);
    if (found != wanted.end() && now != current.end() && found->second == now->second) continue;
    if (found == wanted.end()) {
      current.erase(now);
    } else {
      current[name] = found->second;
    }
    steps.push_back({"parameter " + name, other.status.commit_sha, object_of(current)});
  }
}

// The number at `pointer`; empty if there is none.
std::string number_at(const api::JsonText& outputs, const Pointer& pointer) {
  const auto value = value_at(outputs.text(), pointer);
  return value && kind_of(*value) == JsonKind::kNumber ? std::string(*value) : std::string();
}

std::optional<Bridge> bridge_at(const ExplainPlan& plan, const std::string& path, const api::JsonText& base,
                                std::span<const api::JsonText> steps, const api::JsonText& other) {
  const auto pointer = parse_name(path);
  if (!pointer) return std::nullopt;
  std::vector<BridgeStep> values;
  values.reserve(plan.steps.size());
  for (std::size_t i = 0; i < plan.steps.size(); ++i) {
    values.push_back({plan.steps[i].cause, number_at(i < steps.size() ? steps[i] : other, *pointer), {}});
  }
  // Fails for a text that is no number.
  auto bridge = make_bridge(number_at(base, *pointer), std::move(values));
  return bridge ? std::optional(std::move(*bridge)) : std::nullopt;
}

}  // namespace

Result<ExplainPlan> plan_explanation(const api::ModelRun& base, const api::ModelRun& other) {
  RETURN_IF_ERROR(check_pair(base, other));
  std::optional<api::JsonText> unchanged;
  if (base.spec.parameters) unchanged = object_of(members_of_run(base));
  ExplainPlan plan;
  if (auto cause = project_change(base.status, other.status); !cause.empty()) {
    plan.steps.push_back({std::move(cause), base.status.commit_sha, unchanged});
  }
  if (base.status.commit_sha != other.status.commit_sha) {
    plan.steps.push_back({"commit", other.status.commit_sha, unchanged});
  }
  add_parameter_steps(base, other, plan.steps);
  if (plan.steps.empty()) {
    return fail(
        ErrorKind::kInvalid,
        "runs {} and {} have the same commit, image, data and parameters: where their outputs differ, the model "
        "does not compute the same each time",
        base.meta.name, other.meta.name);
  }
  if (plan.steps.size() > kMaxCauses) {
    return fail(ErrorKind::kTooLarge,
                "{} causes differ between runs {} and {}; at most {} are explained: compare with a run in between",
                plan.steps.size(), base.meta.name, other.meta.name, kMaxCauses);
  }
  return plan;
}

Result<void> check_step(const api::ModelRun& other, const api::ModelRun& step, const std::string& cause) {
  if (step.status.phase != api::Phase::kSucceeded) {
    return fail(ErrorKind::kConflict,
                "run {}, with all changes up to '{}', ended as {}: {}. Without its outputs the change cannot be "
                "explained",
                step.meta.name, cause, to_string(step.status.phase), step.status.message);
  }
  if (const auto changed = project_change(step.status, other.status); !changed.empty()) {
    return fail(ErrorKind::kConflict,
                "project {} has changed since run {} was executed ({}), so run {} does not say what '{}' did: execute "
                "{} again, and explain that run",
                other.spec.project, other.meta.name, changed, step.meta.name, cause, other.meta.name);
  }
  return {};
}

Explanation explain(const ExplainPlan& plan, const Comparison& compared, const api::JsonText& base,
                    std::span<const api::JsonText> steps, const api::JsonText& other) {
  assert(steps.size() + 1 == plan.steps.size());
  Explanation explanation;
  for (const auto& each : compared.differences) {
    if (each.kind != DifferenceKind::kNumber) continue;
    if (auto bridge = bridge_at(plan, each.path, base, steps, other)) {
      explanation.bridges.push_back({each.path, std::move(*bridge)});
    } else {
      explanation.without.push_back(each.path);
    }
  }
  return explanation;
}

}  // namespace modelrun::sweep
