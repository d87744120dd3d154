#include "gateway/tools.h"

#include <algorithm>
#include <array>

#include "api/json_access.h"
#include "gateway/get_output.h"
#include "gateway/project_ref.h"
#include "gateway/run_fields.h"
#include "gateway/run_wait.h"
#include "gateway/tool_schemas.h"

namespace modelrun::gateway {
namespace {

using api::text_at;
using nlohmann::json;

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

// The run with its full result where status holds a part only. A payload that cannot be read is a warning in stderr's
// truncation flags, not the loss of the rest.
Result<json> fields_of(const RunSummary& summary, const ToolCall& call,
                       json (*fields)(const api::ModelRun&, const api::ResultFrame*, std::string_view)) {
  const auto read = call.runs.read(call.caller, summary.key, call.stop);
  if (!read) return std::unexpected(read.error());
  const api::ModelRun& run = **read;
  if (!needs_payload(run)) return fields(run, nullptr, shown(call, summary));
  const auto frame = call.runs.payload(call.caller, run, call.stop);
  if (!frame) {
    return fail_in(fmt::format("run {} is over ({}), but its full result cannot be read", summary.key.uid,
                               status_word(run.status.phase)),
                   frame.error());
  }
  return fields(run, frame->get(), shown(call, summary));
}

bool is_over(const RunSummary& run) {
  return api::is_final(run.phase);
}

// Answers as soon as the commit is pinned. Whatever goes wrong after the start: the run is there, and its id is what
// the client needs.
void answer_started(const CallPtr& call, const Started& started, Done done) {
  WaitGoal goal{.reached = [](const RunSummary& run) { return !run.commit.empty() || is_over(run); },
                .deadline = std::chrono::steady_clock::now() + call->times.pin_timeout};
  wait_for_run(call, started.run, std::move(goal),
               [call, first = started.run, done = std::move(done)](const Result<RunSummary>& pinned) {
                 const RunSummary& now = pinned ? *pinned : first;
                 done(async_fields(now, shown(*call, now)));
               });
}

void answer_ended(const CallPtr& call, const Started& started, Done done) {
  wait_for_run(call, started.run, {.reached = is_over},
               [call, started, done = std::move(done)](const Result<RunSummary>& ended) {
                 if (ended) return done(fields_of(*ended, *call, sync_fields));
                 const bool gone = ended.error().kind == ErrorKind::kCancelled;
                 if (gone && call->cancel_on_stop && call->cancel_on_stop() && started.created &&
                     call->idempotency_key.empty()) {
                   // Nobody is left to be told how this went; the call's own token has fired already.
                   (void)call->runs.cancel(call->caller, started.run.key, {});
                 }
                 done(std::unexpected(ended.error()));
               });
}

// Tells of the answer on its way.
Done with_outcome(const CallPtr& call, std::string mode, Done done) {
  return [call, mode = std::move(mode), done = std::move(done)](Result<json> fields) {
    if (call->on_outcome) call->on_outcome(mode, fields ? fields->at("status").get_ref<const std::string&>() : "error");
    done(std::move(fields));
  };
}

void run(const json& arguments, const CallPtr& call, const Done& answer) {
  const bool async = text_at(arguments, "mode") == "async";
  const auto done = with_outcome(call, async ? "async" : "sync", answer);
  const auto wanted = new_run(arguments, *call);
  if (!wanted) return done(std::unexpected(wanted.error()));
  const auto started = call->runs.start(call->caller, *wanted, call->stop);
  if (!started) return done(std::unexpected(started.error()));
  if (async) return answer_started(call, *started, done);
  answer_ended(call, *started, done);
}

Result<json> get_run(const json& arguments, const ToolCall& call) {
  const auto found = call.runs.find(call.caller, text_at(arguments, "run_id"), call.stop);
  if (!found) return std::unexpected(found.error());
  return fields_of(*found, call, run_fields);
}

std::optional<json> recall_run(const json& arguments, const Identity& caller, RunService& runs) {
  const auto ended = runs.recall(caller, text_at(arguments, "run_id"));
  if (!ended) return std::nullopt;
  const auto& summary = ended->summary;
  return run_fields(*ended->run, ended->frame.get(),
                    display_project(summary.key.namespace_, summary.project, caller.namespace_));
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
  const auto read = call.runs.read(call.caller, found->key, call.stop);
  if (!read) return std::unexpected(read.error());
  const api::ModelRun& run = **read;
  if (!api::is_final(run.status.phase)) {
    return fail(ErrorKind::kConflict, "run {} is {}: it has no outputs yet. Call get_run until it is over",
                found->key.uid, status_word(run.status.phase));
  }
  FramePtr frame;
  if (run.status.result_ref) {
    auto payload = call.runs.payload(call.caller, run, call.stop);
    if (!payload) return std::unexpected(payload.error());
    frame = std::move(*payload);
  }
  auto encoding = text_at(arguments, "encoding");
  return find_output(run, frame.get(), text_at(arguments, "output_name"), encoding.empty() ? "auto" : encoding,
                     shown(call, *found));
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

// A tool that needs only a moment.
template <Result<json> (*Tool)(const json&, const ToolCall&)>
void at_once(const json& arguments, const CallPtr& call, const Done& done) {
  done(Tool(arguments, *call));
}

std::array<Tool, 5> make_tools() {
  return {
      Tool{.name = "run",
           .title = "Run a project or model",
           .description =
               "Executes a project (scope 'project': its run.py) or one of its models (scope 'model': model_name is "
               "required) in a sandbox, on one pinned commit. mode 'sync' waits and answers with stdout, stderr, "
               "outputs and exit_code. A run that failed answers with all of them too, marked as an error: status and "
               "error say why. mode 'async' answers with a run_id to poll with get_run. parameters arrive as "
               "/inputs/parameters.json.",
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
           .call = at_once<get_run>,
           .recall = recall_run},
      Tool{.name = "list_runs",
           .title = "List runs",
           .description = "The newest runs of a project, at most 50, with a status if you name one.",
           .read_only = true,
           .idempotent = true,
           .input_schema = schema::list_runs_input(),
           .output_schema = schema::list_runs_output(),
           .call = at_once<list_runs>},
      Tool{.name = "get_run_output",
           .title = "Get one output",
           .description = "One output of a run that is over, whole: a named output, or a file it left under /outputs.",
           .read_only = true,
           .idempotent = true,
           .input_schema = schema::get_run_output_input(),
           .output_schema = schema::get_run_output_output(),
           .call = at_once<get_run_output>},
      Tool{.name = "cancel_run",
           .title = "Cancel a run",
           .description = "Stops a run. What it printed and wrote is kept. A run that is over stays as it is.",
           .idempotent = true,
           .destructive = true,
           .input_schema = schema::cancel_run_input(),
           .output_schema = schema::cancel_run_output(),
           .call = at_once<cancel_run>},
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

bool failed_work(std::string_view tool, const json& answer) {
  // Only a sync answer has an exit_code; an async one is about the start.
  return tool == "run" && answer.contains("exit_code") && text_at(answer, "status") != "success";
}

bool may_wait(std::string_view tool, const json& arguments) {
  return tool == "run" && text_at(arguments, "mode") != "async";
}

void call_tool(const Tool& tool, const json& arguments, const CallPtr& call, const Done& done) {
  if (auto checked = schema::check(tool.input_schema, arguments); !checked) {
    return done(std::unexpected(checked.error()));
  }
  tool.call(arguments, call, done);
}

std::optional<json> recall_tool(const Tool& tool, const json& arguments, const Identity& caller, RunService& runs) {
  if (tool.recall == nullptr || !schema::check(tool.input_schema, arguments)) return std::nullopt;
  return tool.recall(arguments, caller, runs);
}

}  // namespace modelrun::gateway
