#include <utility>

#include "api/json_access.h"
#include "gateway/runs/comparison_fields.h"
#include "gateway/runs/names.h"
#include "gateway/runs/run_fields.h"
#include "gateway/runs/run_wait.h"
#include "gateway/tools/compare_shared.h"
#include "gateway/tools/schema.h"
#include "gateway/tools/shared.h"
#include "gateway/tools/tool.h"

namespace modelrun::gateway {
namespace {

using nlohmann::json;
using namespace schema;
using api::text_at;

constexpr std::int64_t kBranchWait = 25;  // seconds; some clients give up after 30
constexpr std::int64_t kMaxBranchWait = 300;
constexpr const char* kBaseBranch = "main";

json compare_branches_input() {
  json base = optional_text("The branch that it is compared with.");
  base["default"] = kBaseBranch;
  json properties{{"project_name", text(kProject)},
                  {"scenario_branch", text("The branch with the change.")},
                  {"base_branch", std::move(base)},
                  {"model_name", optional_text("The model, without .py. null: the whole project (run.py).")},
                  {"parameters", optional_of("object", "JSON object that both runs find at /inputs/parameters.json.")},
                  {"wait_seconds",
                   integer("Waits up to so many seconds for the end of both runs.", 0, kMaxBranchWait, kBranchWait)}};
  add_comparison_arguments(properties);
  return object(std::move(properties), {"project_name", "scenario_branch"});
}

json compare_branches_result() {
  json properties{
      {"status", words("success: compared. running: a run is not over yet, call compare_runs later. failed: a run did "
                       "not succeed.",
                       {"success", "running", "failed"})},
      {"project_name", text(kProject)},
      {"model_name", text_or_null("The model; null for the whole project.")},
      {"base_branch", text("The base.")},
      {"scenario_branch", text("The branch with the change.")},
      {"base_run_id", text("UUID of the run of the base.")},
      {"scenario_run_id", text("UUID of the run of the scenario.")},
      {"base_commit_sha", text_or_null(kCommit)},
      {"scenario_commit_sha", text_or_null(kCommit)},
      {"base_status", status("Of the run of the base.")},
      {"scenario_status", status("Of the run of the scenario.")},
      {"message", text("What to do next.")}};
  add_comparison_fields(properties);
  return complete(std::move(properties));
}

// Both runs of one call.
struct BranchRuns {
  Started base, scenario;
};

Result<BranchRuns> start_both(const json& arguments, const Call& call) {
  auto project = parse_project(text_at(arguments, "project_name"), call.caller.namespace_);
  RETURN_IF_ERROR(project);
  const auto scenario_branch = text_at(arguments, "scenario_branch");
  auto base_branch = text_at(arguments, "base_branch");
  if (base_branch.empty()) base_branch = kBaseBranch;
  if (scenario_branch.empty()) return fail(ErrorKind::kInvalid, "scenario_branch: is required: the branch to compare");
  if (scenario_branch == base_branch) {
    return fail(ErrorKind::kInvalid, "scenario_branch: is the base_branch, {}: name another branch", base_branch);
  }
  const auto start = [&](const std::string& branch, const char* part) {
    NewRun wanted{.project = *project,
                  .model = text_at(arguments, "model_name"),
                  .branch = branch,
                  .commit = {},
                  .parameters = {},
                  .idempotency_key = {},
                  .traceparent = call.traceparent};
    if (const auto& parameters = api::member(arguments, "parameters"); !parameters.is_null()) {
      wanted.parameters = parameters;
    }
    // Each of the two has a key of its own, which no header can have.
    if (!call.idempotency_key.empty()) wanted.idempotency_key = fmt::format("{}\n{}", call.idempotency_key, part);
    return call.runs.start(call.caller, wanted, call.stop);
  };
  auto base = start(base_branch, "base");
  RETURN_IF_ERROR(base);
  auto scenario = start(scenario_branch, "scenario");
  if (!scenario) {
    // Nobody would ask for the base alone. With a key the same request may come again, and wants it then. No stop
    // token: it may be what has ended the start. The result is ignored: the error that matters is the first one.
    if (base->created && call.idempotency_key.empty()) (void)call.runs.cancel(call.caller, base->run.key, {});
    return std::unexpected(scenario.error());
  }
  return BranchRuns{std::move(*base), std::move(*scenario)};
}

// The answer about both runs as they are now.
Result<json> fields_of_both(const RunSummary& base, const RunSummary& scenario, const ComparisonAsk& ask,
                            const Call& call) {
  json fields{{"project_name", shown_project(call, base)},
              {"model_name", or_null(base.model)},
              {"base_branch", base.branch},
              {"scenario_branch", scenario.branch},
              {"base_run_id", base.key.uid},
              {"scenario_run_id", scenario.key.uid},
              {"base_commit_sha", or_null(base.commit)},
              {"scenario_commit_sha", or_null(scenario.commit)},
              {"base_status", status_word(base.phase)},
              {"scenario_status", status_word(scenario.phase)},
              {"warning", nullptr}};
  fields.update(no_comparison());
  if (!api::is_final(base.phase) || !api::is_final(scenario.phase)) {
    fields["status"] = "running";
    fields["message"] =
        "The runs go on. Call get_run until both are over, then compare_runs with base_run_id, and scenario_run_id as "
        "other_run_id.";
    return fields;
  }
  for (const auto* run : {&base, &scenario}) {
    if (run->phase == api::Phase::kSucceeded) continue;
    fields["status"] = "failed";
    fields["message"] = fmt::format("The run of {} did not succeed: {}. get_run with run_id {} says why.", run->branch,
                                    how_it_ended(*run), run->key.uid);
    return fields;
  }
  const auto compared = compare_ended(call, base, scenario, ask);
  RETURN_IF_ERROR(compared);
  fields.update(*compared);
  fields["status"] = "success";
  fields["message"] = fields["summary"]["text"];
  return fields;
}

// Waits for both runs, one after the other. Like wait_for_run() it holds no thread meanwhile: the function that is
// called at the end of a wait holds the object.
class BothRuns : public std::enable_shared_from_this<BothRuns> {
 public:
  BothRuns(ComparisonAsk ask, std::chrono::seconds wait, CallPtr call, BranchRuns runs, Done done)
      : ask_(std::move(ask)),
        call_(std::move(call)),
        runs_(std::move(runs)),
        done_(std::move(done)),
        deadline_(std::chrono::steady_clock::now() + wait) {}

  void wait() {
    await(runs_.base.run, [self = shared_from_this()](const RunSummary& base) {
      self->await(self->runs_.scenario.run, [self, base](const RunSummary& scenario) { self->finish(base, scenario); });
    });
  }

 private:
  void await(const RunSummary& run, std::function<void(const RunSummary&)> then) {
    wait_for_run(call_, run,
                 {.reached = [](const RunSummary& now) { return api::is_final(now.phase); }, .deadline = deadline_},
                 [self = shared_from_this(), then = std::move(then)](const Result<RunSummary>& now) {
                   if (now) return then(*now);
                   self->give_up(now.error());
                 });
  }

  // When the time is up, a summary may be as old as the call: the wait for it has only just begun.
  void finish(RunSummary base, RunSummary scenario) {
    for (auto* run : {&base, &scenario}) {
      if (const auto refreshed = refresh(*run, *call_); !refreshed) return give_up(refreshed.error());
    }
    done_(fields_of_both(base, scenario, ask_, *call_));
  }

  void give_up(const Error& error) {
    if (error.kind == ErrorKind::kCancelled && call_->cancel_on_stop && call_->cancel_on_stop() &&
        call_->idempotency_key.empty()) {
      // The results are ignored because no client is left. No stop token: call->stop has fired already.
      for (const auto* started : {&runs_.base, &runs_.scenario}) {
        if (started->created) (void)call_->runs.cancel(call_->caller, started->run.key, {});
      }
    }
    done_(fail(error.kind, "{} (runs {} and {})", error.message, runs_.base.run.key.uid, runs_.scenario.run.key.uid));
  }

  const ComparisonAsk ask_;
  const CallPtr call_;
  const BranchRuns runs_;
  const Done done_;
  const std::chrono::steady_clock::time_point deadline_;
};

void compare_branches(const json& arguments, const CallPtr& call, const Done& done) {
  auto ask = comparison_ask(arguments);
  if (!ask) return done(std::unexpected(ask.error()));
  auto started = start_both(arguments, *call);
  if (!started) return done(std::unexpected(started.error()));
  const std::chrono::seconds wait(api::int_at(arguments, "wait_seconds").value_or(kBranchWait));
  std::make_shared<BothRuns>(std::move(*ask), wait, call, std::move(*started), done)->wait();
}

bool branches_wait(const json& arguments) {
  return waits_seconds(arguments, kBranchWait);
}

}  // namespace

Tool make_compare_branches_tool() {
  return Tool{
      .name = "compare_branches",
      .title = "Compare two branches",
      .description =
          "Runs a project or a model on two branches with the same parameters, waits for both, and answers with "
          "what differs: each value of the outputs, absolute and in percent; changes by `threshold` percent or "
          "more are marked as significant. If the runs take longer than wait_seconds, it answers with their "
          "ids for get_run and compare_runs.",
      .input_schema = compare_branches_input(),
      .output_schema = compare_branches_result(),
      .call = compare_branches,
      .may_wait = branches_wait};
}

}  // namespace modelrun::gateway
