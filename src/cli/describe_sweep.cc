#include "cli/describe_sweep.h"

#include <fmt/format.h>

#include "api/model_sweep.h"
#include "cli/page.h"
#include "cli/run_view.h"
#include "cli/sweep_view.h"
#include "cli/table.h"
#include "cli/what_to_do.h"

namespace modelrun::cli {
namespace {

void add_spec(Page& page, const api::ModelSweep& sweep) {
  const auto& spec = sweep.spec;
  const auto whole = page.command("get", "modelsweep/" + sweep.meta.name + " -o json");
  page.line("Project", spec.project);
  page.line("Runs", spec.scope == api::Scope::kModel ? fmt::format("model/{}.py", spec.model_name)
                                                     : "run.py and the models of its PIPELINE");
  page.line("Branch", sweep.status.branch.empty() ? spec.branch : sweep.status.branch);
  page.line("Commit", sweep.status.commit_sha.empty() ? spec.commit_sha : sweep.status.commit_sha);
  page.line("Parallelism", std::to_string(spec.limits.parallelism));
  if (spec.limits.timeout_seconds) page.line("Time-out", fmt::format("{} s a point", *spec.limits.timeout_seconds));
  if (spec.limits.max_failed_points) page.line("Max failed", std::to_string(*spec.limits.max_failed_points));
  if (spec.suspend) page.line("Suspended", "yes");
  if (spec.cancel) page.line("Cancelled", "yes, by spec.cancel");
  if (!spec.outputs.empty()) page.line("Outputs", fmt::format("{}", fmt::join(spec.outputs, ", ")));
  if (const auto parameters = spec.parameters.parse(); parameters.is_null()) {
    page.line("Parameters", "none");
  } else {
    page.json_section("Parameters", parameters, whole);
  }
  page.json_section("Space", spec.space.parse(), whole);
}

void add_state(Page& page, const api::ModelSweep& sweep) {
  const auto& status = sweep.status;
  page.line("Phase", status.phase == api::Phase::kNone ? "Pending" : std::string(to_string(status.phase)));
  page.line("Reason", reason_of(sweep));
  page.line("Message", status.message.empty() && status.error ? status.error->message : status.message);
  page.line("What to do", what_to_do(sweep));
  page.line("Warning", status.warning);
  if (const auto& points = status.points) {
    page.line("Points", fmt::format("{} of {} succeeded, {} failed, {} running", points->succeeded, points->total,
                                    points->failed, points->running));
  }
  page.line("Duration",
            duration_between(status.started_at, status.finished_at, api::is_final(status.phase), page.now()));
}

void add_runs(Page& page, const api::ModelSweepStatus& status) {
  if (status.runs.empty()) return;
  std::vector<Row> rows{{"  RUN", "POINTS", "PHASE"}};
  for (const auto& run : status.runs) {
    rows.push_back({"  " + run.name, fmt::format("{} to {}", run.first, run.first + run.count - 1),
                    run.phase == api::Phase::kNone ? "Pending" : std::string(to_string(run.phase))});
  }
  page.section("Runs made", render_table(rows));
}

}  // namespace

std::string describe_sweep(const nlohmann::json& object, const Result<std::vector<ShownEvent>>& events, Time now) {
  const auto sweep = api::decode_model_sweep(object);
  Page page(object, now);
  page.head();
  add_spec(page, sweep);
  add_state(page, sweep);
  page.conditions();
  add_runs(page, sweep.status);
  page.section("Statistics", indented(statistics_text(sweep.status)));
  if (sweep.status.table_ref) {
    page.line("Table", fmt::format("{} rows; {}", sweep.status.table_ref->rows,
                                   page.command("output", "modelsweep/" + sweep.meta.name + " -o csv")));
  }
  page.events(events);
  return page.take();
}

}  // namespace modelrun::cli
