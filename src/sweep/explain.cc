#include "sweep/explain.h"

#include <cassert>
#include <map>
#include <set>
#include <utility>

#include "api/text_builder.h"
#include "sweep/decimal.h"
#include "sweep/exact_json.h"
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

// The names of the members that are not the same in both.
std::set<std::string> changed_names(const Members& base, const Members& other) {
  std::set<std::string> names;
  for (const auto& [name, value] : base) {
    const auto found = other.find(name);
    if (found == other.end() || found->second != value) names.insert(name);
  }
  for (const auto& [name, value] : other) {
    if (!base.contains(name)) names.insert(name);
  }
  return names;
}

// `value` if it is a number that can be added; else empty.
std::string number_in(std::optional<std::string_view> value) {
  const bool fits = value && value->size() <= Decimal::kMaxText && kind_of(*value) == JsonKind::kNumber;
  return fits ? std::string(*value) : std::string();
}

bool has_digest(const std::string& image) {
  return image.find("@sha256:") != std::string::npos;
}

// Whether `run` was asked to execute `step` of `other`.
bool is_run_of(const api::ModelRun& run, const api::ModelRun& other, const ExplainStep& step) {
  std::optional<api::Parameters> parameters;
  if (step.parameters) parameters = api::Parameters(step.parameters->parse());
  return run.spec.project == other.spec.project && run.spec.entry_point() == other.spec.entry_point() &&
         run.spec.commit_sha == step.commit && run.spec.parameters == parameters;
}

}  // namespace

Result<ExplainPlan> plan_explanation(const api::ModelRun& base, const api::ModelRun& other) {
  RETURN_IF_ERROR(check_pair(base, other));
  std::optional<api::JsonText> unchanged;
  if (base.spec.parameters) unchanged = api::JsonText::from_compact(base.spec.parameters->text());
  ExplainPlan plan;
  if (auto cause = project_change(base.status, other.status); !cause.empty()) {
    plan.steps.push_back({std::move(cause), base.status.commit_sha, unchanged});
  }
  if (base.status.commit_sha != other.status.commit_sha) {
    plan.steps.push_back({"commit", other.status.commit_sha, unchanged});
  }
  auto current = members_of_run(base);
  const auto wanted = members_of_run(other);
  const auto names = changed_names(current, wanted);
  // Before the steps are made, each of which holds all parameters: there may be thousands of names.
  const auto causes = plan.steps.size() + names.size();
  if (causes == 0) {
    return fail(
        ErrorKind::kInvalid,
        "runs {} and {} have the same commit, image, data and parameters: where their outputs differ, the model "
        "does not compute the same each time",
        base.meta.name, other.meta.name);
  }
  if (causes > kMaxCauses) {
    return fail(ErrorKind::kTooLarge,
                "{} causes differ between runs {} and {}; at most {} are explained: compare with a run in between",
                causes, base.meta.name, other.meta.name, kMaxCauses);
  }
  for (const auto& name : names) {
    if (const auto found = wanted.find(name); found == wanted.end()) {
      current.erase(name);
    } else {
      current[name] = found->second;
    }
    plan.steps.push_back({"parameter " + name, other.status.commit_sha, object_of(current)});
  }
  return plan;
}

Result<void> check_executable(const ExplainPlan& plan, const api::ModelRun& other) {
  if (plan.executed().empty() || !other.status.provenance.image.empty()) return {};
  return fail(ErrorKind::kConflict,
              "it is not known any more which image {} was executed with, so that its steps cannot be compared with "
              "it: execute it again as a run, and explain that run",
              other.meta.name);
}

api::RunRequest step_request(const api::ModelRun& other, const ExplainStep& step) {
  api::RunRequest request = api::same_again(other);
  request.commit = step.commit;
  request.branch.clear();
  request.parameters = step.parameters ? std::optional(step.parameters->parse()) : std::nullopt;
  request.reuse = has_digest(other.status.provenance.image) ? api::Reuse::kReuse : api::Reuse::kJoin;
  return request;
}

Result<void> check_step(const api::ModelRun& other, const api::ModelRun& run, const ExplainStep& step) {
  if (!is_run_of(run, other, step)) {
    return fail(ErrorKind::kConflict,
                "run {} was to be the one with all changes up to '{}', and somebody has made another run of that name: "
                "delete it, and ask again",
                run.meta.name, step.cause);
  }
  if (run.status.phase != api::Phase::kSucceeded) {
    return fail(ErrorKind::kConflict,
                "run {}, with all changes up to '{}', ended as {}: {}. Without its outputs the change cannot be "
                "explained",
                run.meta.name, step.cause, to_string(run.status.phase), run.status.message);
  }
  if (const auto changed = project_change(run.status, other.status); !changed.empty()) {
    return fail(ErrorKind::kConflict,
                "project {} has changed since run {} was executed ({}), so run {} does not say what '{}' did: execute "
                "{} again, and explain that run",
                other.spec.project, other.meta.name, changed, run.meta.name, step.cause, other.meta.name);
  }
  return {};
}

Explainer::Explainer(const ExplainPlan& plan, const Comparison& compared, const BridgeRounding& rounding)
    : rounding_(rounding) {
  for (const auto& step : plan.steps) causes_.push_back(step.cause);
  for (const auto& each : compared.differences) {
    if (each.kind != DifferenceKind::kNumber) continue;
    Way way{each.path, each.base, each.other, {}, std::nullopt};
    if (auto pointer = parse_name(each.path)) {
      way.pointer = pointers_.size();
      pointers_.push_back(std::move(*pointer));
    }
    ways_.push_back(std::move(way));
  }
}

void Explainer::add(const api::JsonText& outputs) {
  const auto values = values_at(outputs.text(), pointers_);
  for (auto& way : ways_) {
    if (way.pointer) way.values.push_back(number_in(values[*way.pointer]));
  }
}

Explanation Explainer::take() {
  Explanation explanation;
  for (auto& way : ways_) {
    way.values.push_back(std::move(way.to));
    std::vector<BridgeStep> steps;
    for (std::size_t i = 0; way.pointer && i < causes_.size(); ++i) {
      assert(way.values.size() == causes_.size());
      steps.push_back({causes_[i], std::move(way.values[i]), {}});
    }
    // Fails for a text that is no number, and without steps.
    if (auto bridge = make_bridge(way.from, std::move(steps), rounding_)) {
      explanation.bridges.push_back({std::move(way.path), std::move(*bridge)});
    } else {
      explanation.without.push_back(std::move(way.path));
    }
  }
  return explanation;
}

}  // namespace modelrun::sweep
