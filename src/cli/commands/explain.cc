#include "sweep/explain.h"

#include <algorithm>

#include "api/run_object.h"
#include "cli/await.h"
#include "cli/commands/commands.h"
#include "cli/commands/compare.h"
#include "kube/payload.h"

namespace modelrun::cli {
namespace {

kube::Json object_of_step(const api::ModelRun& other, const sweep::ExplainStep& step) {
  auto request = sweep::step_request(other, step);
  request.created_by = "cli";
  return api::run_object(request);
}

Result<api::JsonText> outputs_of_step(Session& session, const api::ModelRun& other, const std::string& name,
                                      const sweep::ExplainStep& step) {
  const auto object = await_end(session, name, {});
  RETURN_IF_ERROR(object);
  const auto run = api::decode_model_run(*object);
  RETURN_IF_ERROR(sweep::check_step(other, run, step));
  const auto outputs = kube::load_outputs(session.client, run, session.stop);
  if (!outputs) return fail_in(fmt::format("the outputs of run {}", name), outputs.error());
  return outputs->value_or(api::JsonText(kube::Json::object()));
}

}  // namespace

Result<ExplainedRuns> explain_runs(Session& session, const sweep::ComparedRun& base, const sweep::ComparedRun& other,
                                   const sweep::Comparison& compared) {
  const auto plan = sweep::plan_explanation(base.run, other.run);
  RETURN_IF_ERROR(plan);
  RETURN_IF_ERROR(sweep::check_executable(*plan, other.run));
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
  sweep::Explainer explainer(*plan, compared);
  for (std::size_t i = 0; i < explained.steps.size(); ++i) {
    const auto left = outputs_of_step(session, other.run, explained.steps[i], plan->steps[i]);
    RETURN_IF_ERROR(left);
    explainer.add(*left);
  }
  explained.steps.push_back(explained.other);
  explained.explanation = explainer.take();
  return explained;
}

}  // namespace modelrun::cli
