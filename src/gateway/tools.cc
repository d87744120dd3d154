#include "gateway/tools.h"

#include <algorithm>
#include <array>

#include "api/json_access.h"
#include "gateway/get_output.h"
#include "gateway/project_ref.h"
#include "gateway/run_fields.h"
#include "gateway/tool_schemas.h"

namespace modelrun::gateway {
namespace {

using api::text_at;
using nlohmann::json;

// A failure that may pass does not end a wait that has lasted minutes; this many in a row do.
constexpr int kPatience = 6;

std::string shown(const ToolCall& call, const RunSummary& run) {
  return display_project(run.key.namespace_, run.project, call.caller.namespace_);
}

Result<NewRun> new_run(const json& arguments, const ToolCall& call) {
  auto project = parse_project(text_at(arguments, "project_name"), call.caller.namespace_);
  if (!project) return std::unexpected(project.error());
  NewRun wanted{.project = std::move(*project),
                .model = {},
                .branch = text_at(arguments, "branch"),
                .commit = text_at(arguments, "commit_sha"),
                .parameters = {},
                .idempotency_key = call.idempotency_key,
                .traceparent = call.traceparent};
  if (text_at(arguments, "scope") == "model") {
    wanted.model = text_at(arguments, "model_name");
    if (wanted.model.empty()) {
      return fail(ErrorKind::kInvalid, "model_name: is required with scope 'model': the model's file without .py");
    }
  }
  if (const auto& parameters = api::member(arguments, "parameters"); !parameters.is_null()) {
    wanted.parameters = parameters;
  }
  return wanted;
}

// Ticks until `done`, the deadline, or a failure that will not pass.
Result<RunSummary> wait_until(RunSummary run, const ToolCall& call, const std::function<bool(const RunSummary&)>& done,
                              std::optional<std::chrono::steady_clock::time_point> deadline) {
  int failures = 0;
  if (call.on_tick) call.on_tick(run);
  while (!done(run)) {
    auto span = call.times.heartbeat;
    if (deadline) {
      const auto left =
          std::chrono::duration_cast<std::chrono::milliseconds>(*deadline - std::chrono::steady_clock::now());
      if (left.count() <= 0) return run;
      span = std::min(span, left);
    }
    auto next = call.runs.await(call.caller, run.key, run.version, span, call.stop);
    if (call.stop.stop_requested()) {
      return fail(ErrorKind::kCancelled, "the gateway ended this call. Run {} goes on: ask get_run for it",
                  run.key.uid);
    }
    const bool passing =
        !next && (next.error().kind == ErrorKind::kUnavailable || next.error().kind == ErrorKind::kTimeout ||
                  next.error().kind == ErrorKind::kThrottled);
    if (!next && (!passing || ++failures > kPatience)) {
      return fail(next.error().kind, "{}. Run {} goes on: ask get_run for it", next.error().message, run.key.uid);
    }
    if (next) {
      failures = 0;
      run = std::move(*next);
    }
    if (call.clock != nullptr && call.caller.expires && call.clock->now() >= *call.caller.expires) {
      return fail(ErrorKind::kDenied, "your token has expired. Run {} goes on: ask get_run for it with a new one",
                  run.key.uid);
    }
    if (call.on_tick) call.on_tick(run);
  }
  return run;
}

// The run with its full result where status holds a part only. A payload that cannot be read is a warning in stderr's
// truncation flags, not the loss of the rest.
Result<json> fields_of(const RunSummary& summary, const ToolCall& call,
                       json (*fields)(const api::ModelRun&, const api::ResultFrame*, std::string_view)) {
  const auto run = call.runs.read(call.caller, summary.key, call.stop);
  if (!run) return std::unexpected(run.error());
  if (!needs_payload(*run)) return fields(*run, nullptr, shown(call, summary));
  const auto frame = call.runs.payload(call.caller, *run, call.stop);
  if (!frame)
    return fail_in(fmt::format("run {} is over ({}), but its full result cannot be read", summary.key.uid,
                               status_word(run->status.phase)),
                   frame.error());
  return fields(*run, &*frame, shown(call, summary));
}

Result<json> run(const json& arguments, const ToolCall& call) {
  const auto wanted = new_run(arguments, call);
  if (!wanted) return std::unexpected(wanted.error());
  auto started = call.runs.start(call.caller, *wanted, call.stop);
  if (!started) return std::unexpected(started.error());
  if (text_at(arguments, "mode") == "async") {
    const auto pinned = wait_until(
        started->run, call, [](const RunSummary& r) { return !r.commit.empty() || api::is_final(r.phase); },
        std::chrono::steady_clock::now() + call.times.pin_timeout);
    // Whatever went wrong after the start: the run is there, and its id is what the client needs.
    const RunSummary& now = pinned ? *pinned : started->run;
    return async_fields(now, shown(call, now));
  }
  const auto ended =
      wait_until(started->run, call, [](const RunSummary& r) { return api::is_final(r.phase); }, std::nullopt);
  if (!ended && ended.error().kind == ErrorKind::kCancelled && call.cancel_on_stop && call.cancel_on_stop() &&
      started->created && call.idempotency_key.empty()) {
    // Nobody is left to be told how this went; the call's own token has fired already.
    (void)call.runs.cancel(call.caller, started->run.key, {});
  }
  if (!ended) return std::unexpected(ended.error());
  return fields_of(*ended, call, sync_fields);
}

Result<json> get_run(const json& arguments, const ToolCall& call) {
  const auto found = call.runs.find(call.caller, text_at(arguments, "run_id"), call.stop);
  if (!found) return std::unexpected(found.error());
  return fields_of(*found, call, run_fields);
}

Result<json> list_runs(const json& arguments, const ToolCall& call) {
  const auto project = parse_project(text_at(arguments, "project_name"), call.caller.namespace_);
  if (!project) return std::unexpected(project.error());
  std::optional<api::Phase> phase;
  if (const auto word = text_at(arguments, "status"); !word.empty()) phase = parse_status_word(word);
  const auto limit = static_cast<std::size_t>(api::int_at(arguments, "limit").value_or(10));
  const auto runs = call.runs.list(call.caller, *project, phase, limit, call.stop);
  if (!runs) return std::unexpected(runs.error());
  json entries = json::array();
  for (const auto& each : *runs) entries.push_back(list_entry(each));
  return json{{"project_name", display_project(project->namespace_, project->name, call.caller.namespace_)},
              {"total_returned", entries.size()},
              {"runs", std::move(entries)}};
}

Result<json> get_run_output(const json& arguments, const ToolCall& call) {
  const auto found = call.runs.find(call.caller, text_at(arguments, "run_id"), call.stop);
  if (!found) return std::unexpected(found.error());
  const auto run = call.runs.read(call.caller, found->key, call.stop);
  if (!run) return std::unexpected(run.error());
  if (!api::is_final(run->status.phase)) {
    return fail(ErrorKind::kConflict, "run {} is {}: it has no outputs yet. Call get_run until it is over",
                found->key.uid, status_word(run->status.phase));
  }
  std::optional<api::ResultFrame> frame;
  if (run->status.result_ref) {
    auto payload = call.runs.payload(call.caller, *run, call.stop);
    if (!payload) return std::unexpected(payload.error());
    frame = std::move(*payload);
  }
  auto encoding = text_at(arguments, "encoding");
  return find_output(*run, frame ? &*frame : nullptr, text_at(arguments, "output_name"),
                     encoding.empty() ? "auto" : encoding, shown(call, *found));
}

Result<json> cancel_run(const json& arguments, const ToolCall& call) {
  const auto project = parse_project(text_at(arguments, "project_name"), call.caller.namespace_);
  if (!project) return std::unexpected(project.error());
  const auto run_id = text_at(arguments, "run_id");
  const auto digits = run_id_digits(run_id);
  if (!digits) return std::unexpected(digits.error());
  if (digits->size() != 32) {
    return fail(ErrorKind::kInvalid, "run_id: cancel_run wants the whole UUID, so that no other run is meant");
  }
  const auto found = call.runs.find(call.caller, run_id, call.stop);
  if (!found) return std::unexpected(found.error());
  if (found->project != project->name || found->key.namespace_ != project->namespace_) {
    return fail(ErrorKind::kNotFound, "there is no run {} of project {}", found->key.uid,
                text_at(arguments, "project_name"));
  }
  const auto cancelled = call.runs.cancel(call.caller, found->key, call.stop);
  if (!cancelled) return std::unexpected(cancelled.error());
  return cancel_fields(*cancelled, shown(call, *cancelled));
}

std::array<Tool, 5> make_tools() {
  return {
      Tool{.name = "run",
           .title = "Run a project or model",
           .description =
               "Executes a project (scope 'project': its run.py) or one of its models (scope 'model': model_name is "
               "required) in a sandbox, on one pinned commit. mode 'sync' waits and answers with stdout, stderr, "
               "outputs and exit_code; a run that failed is an answer too: look at status and error. mode 'async' "
               "answers with a run_id to poll with get_run. parameters arrive as /inputs/parameters.json.",
           .input_schema = schema::run_input(),
           .output_schema = schema::run_output(),
           .call = run},
      Tool{.name = "get_run",
           .title = "Get a run",
           .description =
               "Status and result of a run, by its run_id or the first eight or more digits of it. Use it to "
               "poll an async run until status is success, failed, timed_out or cancelled. Not needed after "
               "a sync run, which has answered all of this already; list_runs finds runs.",
           .read_only = true,
           .idempotent = true,
           .input_schema = schema::get_run_input(),
           .output_schema = schema::get_run_output_fields(),
           .call = get_run},
      Tool{.name = "list_runs",
           .title = "List runs",
           .description = "The newest runs of a project, at most 50, with a status if you name one.",
           .read_only = true,
           .idempotent = true,
           .input_schema = schema::list_runs_input(),
           .output_schema = schema::list_runs_output(),
           .call = list_runs},
      Tool{.name = "get_run_output",
           .title = "Get one output",
           .description = "One output of a run that is over, whole: a named output, or a file it left under /outputs.",
           .read_only = true,
           .idempotent = true,
           .input_schema = schema::get_run_output_input(),
           .output_schema = schema::get_run_output_output(),
           .call = get_run_output},
      Tool{.name = "cancel_run",
           .title = "Cancel a run",
           .description = "Stops a run. What it printed and wrote is kept. A run that is over stays as it is.",
           .idempotent = true,
           .destructive = true,
           .input_schema = schema::cancel_run_input(),
           .output_schema = schema::cancel_run_output(),
           .call = cancel_run},
  };
}

}  // namespace

std::span<const Tool> tools() {
  static const auto all = make_tools();
  return all;
}

const Tool* find_tool(std::string_view name) {
  const auto all = tools();
  const auto found = std::ranges::find(all, name, &Tool::name);
  return found == all.end() ? nullptr : &*found;
}

bool may_wait(std::string_view tool, const json& arguments) {
  return tool == "run" && text_at(arguments, "mode") != "async";
}

Result<json> call_tool(const Tool& tool, const json& arguments, const ToolCall& call) {
  if (auto checked = schema::check(tool.input_schema, arguments); !checked) return std::unexpected(checked.error());
  return tool.call(arguments, call);
}

}  // namespace modelrun::gateway
