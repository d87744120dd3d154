#include "api/json_access.h"
#include "gateway/runs/names.h"
#include "gateway/runs/run_fields.h"
#include "gateway/runs/run_wait.h"
#include "gateway/tools/schema.h"
#include "gateway/tools/shared.h"
#include "gateway/tools/tool.h"

namespace modelrun::gateway {
namespace {

using nlohmann::json;
using namespace schema;
using api::text_at;

json run_input() {
  json properties{
      {"scope", words("What is executed: 'project' runs run.py; 'model' runs the one model named by model_name.",
                      {"project", "model"})},
      {"mode", words("'sync' waits for the end and answers with the results; 'async' answers at once with a run_id for "
                     "get_run.",
                     {"sync", "async"})},
      {"project_name", text(kProject)},
      {"model_name", optional_text("The model, without .py. Required with scope 'model', ignored with 'project'.")},
      {"branch", optional_text("Branch whose newest commit is executed. Default: the project's.")},
      {"commit_sha", optional_text("The exact commit to execute, 40 or 64 hex digits. Default: the newest of branch.")},
      {"parameters",
       optional_of("object",
                   "JSON object that the code finds at /inputs/parameters.json, smaller than 64 KB. {} is "
                   "delivered too; null and absent mean no file.")}};
  return object(std::move(properties), {"scope", "mode", "project_name"});
}

// Both modes share one flat schema; an answer does not have the fields of the other mode.
json run_result() {
  json properties{
      {"run_id", text(kRunId)},
      {"status", status("sync: how it ended; anything but success has a reason in error. async: pending or running.")},
      {"commit_sha", text_or_null(kCommit)},
      {"project", text("sync: the project.")},
      {"branch", text_or_null("sync: the branch that was asked for; null for the default, and beside commit_sha.")},
      {"exit_code", of_type({"integer", "null"}, "sync: the process's; 128+n after signal n; null if it never ran.")},
      {"stdout", text("sync: what was printed.")},
      {"stderr", text("sync: what was printed to standard error.")},
      {"stdout_truncated", of_type("boolean", "sync: a part of stdout was not kept.")},
      {"stderr_truncated", of_type("boolean", "sync: a part of stderr was not kept.")},
      {"outputs", of_type("object", "sync: the outputs by name; {} when it left none.")},
      {"duration_seconds", of_type({"number", "null"}, "sync: null if it never ran.")},
      {"data_snapshot_ref", text_or_null("sync: the data snapshot it ran on.")},
      {"error", text_or_null("sync: REASON: message; null on success.")},
      {"run_number", of_type({"integer", "null"}, "async: the run's number in its project; null until it has one.")},
      {"project_name", text("async: the project.")},
      {"model_name", text_or_null("async: the model; null for the whole project.")},
      {"message", text("async: what to do next.")},
      {"warning", text_or_null("async: something that is worth knowing.")}};
  return object(std::move(properties), {"run_id", "status", "commit_sha"});
}

Result<NewRun> new_run(const json& arguments, const Call& call) {
  auto project = parse_project(text_at(arguments, "project_name"), call.caller.namespace_);
  RETURN_IF_ERROR(project);
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

bool is_over(const RunSummary& run) {
  return api::is_final(run.phase);
}

// Answers as soon as the commit is pinned, or after CallTimes::pin_timeout without it; at once if the project is
// suspended, since nothing is pinned then. Of the errors of the wait only that the run is gone is reported: else it has
// been started, and the client needs its id.
void answer_started(const CallPtr& call, const Started& started, Done done) {
  if (started.suspended && started.run.commit.empty() && !is_over(started.run)) {
    auto fields = async_fields(started.run, shown_project(*call, started.run));
    fields["message"] =
        "The run waits, as the project is suspended: it starts when the project is resumed. Call get_run with run_id "
        "until status is success, failed, timed_out or cancelled.";
    return done(std::move(fields));
  }
  WaitGoal goal{.reached = [](const RunSummary& run) { return !run.commit.empty() || is_over(run); },
                .deadline = std::chrono::steady_clock::now() + call->times.pin_timeout};
  wait_for_run(call, started.run, std::move(goal),
               [call, first = started.run, done = std::move(done)](const Result<RunSummary>& pinned) {
                 if (!pinned && pinned.error().kind == ErrorKind::kNotFound)
                   return done(std::unexpected(pinned.error()));
                 const RunSummary& now = pinned ? *pinned : first;
                 done(async_fields(now, shown_project(*call, now)));
               });
}

void answer_ended(const CallPtr& call, const Started& started, Done done) {
  wait_for_run(call, started.run, {.reached = is_over},
               [call, started, done = std::move(done)](const Result<RunSummary>& ended) {
                 if (ended) return done(read_fields(*ended, *call, sync_fields));
                 const bool gone = ended.error().kind == ErrorKind::kCancelled;
                 if (gone && call->cancel_on_stop && call->cancel_on_stop() && started.created &&
                     call->idempotency_key.empty()) {
                   // The result is ignored because no client is left. No stop token: call->stop has fired already.
                   (void)call->runs.cancel(call->caller, started.run.key, {});
                 }
                 done(std::unexpected(ended.error()));
               });
}

// A Done that reports the answer to call->on_outcome and passes it on to `done`.
Done with_outcome(const CallPtr& call, std::string mode, Done done) {
  return [call, mode = std::move(mode), done = std::move(done)](Result<json> fields) {
    if (call->on_outcome) call->on_outcome(mode, fields ? fields->at("status").get_ref<const std::string&>() : "error");
    done(std::move(fields));
  };
}

void call_run(const json& arguments, const CallPtr& call, const Done& answer) {
  const bool async = text_at(arguments, "mode") == "async";
  const auto done = with_outcome(call, async ? "async" : "sync", answer);
  const auto wanted = new_run(arguments, *call);
  if (!wanted) return done(std::unexpected(wanted.error()));
  const auto started = call->runs.start(call->caller, *wanted, call->stop);
  if (!started) return done(std::unexpected(started.error()));
  if (async) return answer_started(call, *started, done);
  answer_ended(call, *started, done);
}

bool waits(const json& arguments) {
  return text_at(arguments, "mode") != "async";
}

}  // namespace

Tool make_run_tool() {
  return Tool{
      .name = "run",
      .title = "Run a project or model",
      .description =
          "Executes a project (scope 'project': its run.py) or one of its models (scope 'model': model_name is "
          "required) in a sandbox, on one pinned commit. mode 'sync' waits and answers with stdout, stderr, "
          "outputs and exit_code. A run that failed answers with all of them too: look at status, and error says "
          "why. mode 'async' answers with a run_id to poll with get_run. parameters arrive as "
          "/inputs/parameters.json.",
      .input_schema = run_input(),
      .output_schema = run_result(),
      .call = call_run,
      .may_wait = waits};
}

}  // namespace modelrun::gateway
