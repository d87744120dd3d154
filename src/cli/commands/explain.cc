#include "sweep/explain.h"
#include <algorithm>
#include <optional>
#include <utility>

#include "api/run_object.h"
#include "cli/await.h"
#include "cli/commands/commands.h"
#include "cli/commands/compare.h"
#include "kube/payload.h"

namespace modelrun::cli {
namespace {

kube::Json object_of_step(const api::ModelRun& other, const sweep::ExplainStep& step) {
  api::RunRequest request = api::same_again(other);
  request.commit = step.commit;
  request.branch.clear();
  request.parameters = step.parameters ? std::optional(step.parameters->parse()) : std::nullopt;
  request.created_by = "cli";
  auto object = api::run_object(request);
  // Without a digest the name of an image may stand for another one tomorrow, so that the result of a run which has
  // ended cannot be taken. One that is under way can be.
  const bool pinned = other.status.provenance.image.find("@sha256:") != std::string::npos;
  object["spec"]["reuse"] = pinned ? "Reuse" : "Join";
  return object;
}

Result<api::JsonText> outputs_of_step(Session& session, const api::ModelRun& other, const std::string& name,
                                      const std::string& cause) {
  const auto object = await_end(session, name, {});
  RETURN_IF_ERROR(object);
  const auto run = api::decode_model_run(*object);
  RETURN_IF_ERROR(sweep::check_step(other, run, cause));
  const auto outputs = kube::load_outputs(session.client, run, session.stop);
  if (!outputs) return fail_in(fmt::format("the outputs of run {}", name), outputs.error());
  return outputs->value_or(api::JsonText(kube::Json::object()));
}

}  // namespace

Result<ExplainedRuns> explain_runs(Session& session, const sweep::ComparedRun& base, const sweep::ComparedRun& other,
                                   const sweep::Comparison& compared) {
  const auto plan = sweep::plan_explanation(base.run, other.run);
  RETURN_IF_ERROR(plan);
  if (!plan->executed().empty() && other.run.status.provenance.image.empty()) {
    return fail(ErrorKind::kConflict,
                "it is not known any more which image {} was executed with, so that its steps cannot be compared with "
                "it: execute it again as a run, and explain that run",
                other.run.meta.name);
  }
  ExplainedRuns explained{base.run.meta.name, other.run.meta.name, {}, {}};
  const auto is_number = [](const auto& each) { return each.kind == sweep::DifferenceKind::kNumber; };
  if (std::ranges::none_of(compared.differences, is_number)) return explained;
  for (const auto& step : plan->executed()) {
    const auto created = create_object(session, kube::kModelRuns, object_of_step(other.run, step));
    RETURN_IF_ERROR(created);
    explained.steps.push_back(api::decode_meta(*created).name);
    session.console.note(fmt::format("step {} of {}, {}: run {}", explained.steps.size(), plan->steps.size(),
                                     step.cause, explained.steps.back()));
  }
  std::vector<api::JsonText> outputs;
  for (std::size_t i = 0; i < explained.steps.size(); ++i) {
    auto left = outputs_of_step(session, other.run, explained.steps[i], plan->steps[i].cause);
    RETURN_IF_ERROR(left);
    outputs.push_back(std::move(*left));
  }
  explained.steps.push_back(explained.other);
  explained.explanation = sweep::explain(*plan, compared, base.outputs, outputs, other.outputs);
  return explained;
}

}  // namespace modelrun::cli
