#include <array>
#include <utility>

#include "api/json_access.h"
#include "gateway/runs/names.h"
#include "gateway/tools/schema.h"
#include "gateway/tools/shared.h"
#include "gateway/tools/sweep_shared.h"
#include "gateway/tools/tool.h"

namespace modelrun::gateway {
namespace {

using nlohmann::json;
using namespace schema;
using api::text_at;

// Enough for a few points in a sandbox that stands ready, and less than the least patient clients wait for an answer.
constexpr std::int64_t kStartWait = 3;

// The arguments that each are a space, with their names in spec.space of a ModelSweep.
constexpr std::array<std::pair<const char*, const char*>, 4> kSpaces{
    {{"grid", "grid"}, {"one_at_a_time", "oneAtATime"}, {"points", "points"}, {"sample", "sample"}}};

json sweep_input() {
  json properties{
      {"project_name", text(kProject)},
      {"model_name", optional_text("The model, without .py. null: the whole project (run.py).")},
      {"branch", optional_text("Branch whose newest commit all points run. Default: the project's.")},
      {"commit_sha", optional_text("The exact commit, 40 or 64 hex digits. Default: the newest of branch.")},
      {"parameters", optional_of("object", "What every point starts from, a JSON object.")},
      {"grid", optional_list("object",
                             "All combinations of these parameters' values; the last one changes fastest. Each is "
                             "{\"name\": \"growth\", \"values\": [0.02, 0.04]} or {\"name\": \"rate\", \"from\": 0.06, "
                             "\"to\": 0.12, \"count\": 7}. A name that begins with / is a JSON pointer.")},
      {"one_at_a_time",
       optional_list("object", "The base, then each value alone, the other parameters as in the base. As in grid.")},
      {"points", optional_list("object", "The points written out: [{\"growth\": 0.1}, {\"growth\": 0.2}].")},
      {"sample", optional_of("object",
                             "Random points, the same for the same seed: {\"count\": 1000, \"seed\": 7, \"axes\": "
                             "[{\"name\": \"growth\", \"normal\": {\"mean\": 0.05, \"stddev\": 0.01}}]}. Also "
                             "lognormal {mu, sigma}, uniform {low, high}, triangular {low, mode, high}, choice "
                             "{values, weights}; \"method\": LatinHypercube (default) or Random.")},
      {"outputs", optional_list("string",
                                "Which outputs stand in the table: names, or JSON pointers. Default: all numbers and "
                                "booleans, 64 at most.")},
      {"parallelism", optional_integer("Sandboxes at a time. Default: 4.", 1, api::kMaxParallelism)},
      {"timeout_seconds", optional_integer("How long one point may run. Default: the project's.", 1, 86'400)},
      {"max_failed_points",
       optional_integer("The sweep ends when more points than this have failed. Default: all are tried.", 0, 10'000)}};
  add_rows_and_wait(properties, kStartWait);
  return object(std::move(properties), {"project_name"});
}

// The one space among the arguments, as spec.space has it.
Result<json> space_of(const json& arguments) {
  json space = json::object();
  for (const auto& [argument, field] : kSpaces) {
    if (const auto& given = api::member(arguments, argument); !given.is_null()) space[field] = given;
  }
  if (space.size() != 1) {
    return fail(ErrorKind::kInvalid, "give exactly one of grid, one_at_a_time, points and sample; there are {}",
                space.size());
  }
  return space;
}

Result<NewSweep> new_sweep(const json& arguments, const Call& call) {
  auto project = parse_project(text_at(arguments, "project_name"), call.caller.namespace_);
  RETURN_IF_ERROR(project);
  auto space = space_of(arguments);
  RETURN_IF_ERROR(space);
  NewSweep wanted{.project = std::move(*project),
                  .model = text_at(arguments, "model_name"),
                  .branch = text_at(arguments, "branch"),
                  .commit = text_at(arguments, "commit_sha"),
                  .space = std::move(*space),
                  .parallelism = api::int_at(arguments, "parallelism"),
                  .timeout_seconds = api::int_at(arguments, "timeout_seconds"),
                  .max_failed_points = api::int_at(arguments, "max_failed_points"),
                  .idempotency_key = call.idempotency_key,
                  .traceparent = call.traceparent};
  if (const auto& parameters = api::member(arguments, "parameters"); !parameters.is_null()) {
    wanted.parameters = parameters;
  }
  auto outputs = named_outputs(arguments);
  RETURN_IF_ERROR(outputs);
  wanted.outputs = std::move(*outputs);
  return wanted;
}

// The words of spec.space are not those of the arguments.
Error in_words_of_arguments(Error error) {
  constexpr std::string_view kPath = "space.";
  if (!error.message.starts_with(kPath)) return error;
  error.message.erase(0, kPath.size());
  for (const auto& [argument, field] : kSpaces) {
    const std::string_view name = field;
    if (error.message.starts_with(name)) error.message.replace(0, name.size(), argument);
  }
  return error;
}

void call_sweep(const json& arguments, const CallPtr& call, const Done& done) {
  const auto wanted = new_sweep(arguments, *call);
  if (!wanted) return done(std::unexpected(wanted.error()));
  const auto started = call->sweeps.start(call->caller, *wanted, call->stop);
  if (!started) return done(std::unexpected(in_words_of_arguments(started.error())));
  answer_sweep(call, started->sweep, sweep_ask(arguments, kStartWait),
               started->created && call->idempotency_key.empty(), done);
}

bool start_waits(const json& arguments) {
  return waits_seconds(arguments, kStartWait);
}

}  // namespace

Tool make_sweep_tool() {
  return Tool{.name = "sweep",
              .title = "Vary parameters",
              .description =
                  "Runs a model for many sets of parameters on one commit, and answers with one table: a row for each "
                  "point, a summary of each output (mean, p5, p50, p95, where the extremes lie), and how each output "
                  "moves with each parameter. Give exactly one of grid, one_at_a_time, points and sample; at most "
                  "10,000 points. A sweep that takes longer than wait_seconds answers with its sweep_id: get_sweep "
                  "then has its progress and its table. For one set of parameters use run.",
              .input_schema = sweep_input(),
              .output_schema = sweep_result(),
              .call = call_sweep,
              .may_wait = start_waits};
}

}  // namespace modelrun::gateway
