#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "api/json_access.h"
#include "base/encoding.h"
#include "gateway/runs/explanation_fields.h"
#include "gateway/runs/names.h"
#include "gateway/runs/run_wait.h"
#include "gateway/tools/compare_shared.h"
#include "gateway/tools/schema.h"
#include "gateway/tools/shared.h"
#include "gateway/tools/tool.h"
#include "sweep/explain.h"

namespace modelrun::gateway {
namespace {

using nlohmann::json;
using namespace schema;

constexpr std::int64_t kExplainWait = 25;  // seconds; some clients give up after 30
constexpr std::int64_t kMaxExplainWait = 300;
constexpr std::int64_t kUsualBridges = 10;
constexpr std::int64_t kMaxBridges = 100;
constexpr std::int64_t kMaxPlaces = 14;
constexpr std::size_t kMaxNamedOutputs = 64;
// So many runs one step is given, each after the one before was cancelled: else a step that was cancelled once could
// never be explained.
constexpr int kMaxAttempts = 8;

json explain_runs_input() {
  return object(
      {{"base_run_id", text("The run that is explained from: its UUID, or the first eight or more digits.")},
       {"other_run_id", text("The run that is explained: of the same model, on any commit, with any parameters.")},
       {"outputs", optional_list("string",
                                 "Only these outputs, names or JSON pointers such as /detail/irr. Default: all numbers "
                                 "that differ.")},
       {"places", optional_integer("Values are rounded to so many digits behind the point. Default: as they are.", 0,
                                   kMaxPlaces)},
       {"limit", integer("At most so many bridges.", 1, kMaxBridges, kUsualBridges)},
       {"wait_seconds",
        integer("Waits up to so many seconds for the end of the runs in between.", 0, kMaxExplainWait, kExplainWait)}},
      {"base_run_id", "other_run_id"});
}

json bridge_schema() {
  return complete(
      {{"path", text("JSON pointer into the outputs.")},
       {"from", of_type({"number", "null"}, "Of the base.")},
       {"to", of_type({"number", "null"}, "Of the other run.")},
       {"change", of_type({"number", "null"}, "to - from: the sum of the contributions.")},
       {"rounded", of_type("boolean", "The values are rounded: to `places`, or to 14 digits.")},
       {"steps", list_of(complete({{"cause", text("As in steps.")},
                                   {"value", of_type({"number", "null"}, "After this cause and those before it.")},
                                   {"contribution", of_type({"number", "null"}, "What this cause adds.")}}),
                         "One for each cause, in their order.")},
       {"summary", text("The same in words.")}});
}

json explain_runs_result() {
  return complete(
      {{"status", words("success: explained. running: runs in between go on; make the same call again. failed: one of "
                        "them did not succeed.",
                        {"success", "running", "failed"})},
       {"base_run_id", text("UUID of the base.")},
       {"other_run_id", text("UUID of the other run.")},
       {"message", text("What to do next.")},
       {"steps",
        list_of(complete({{"cause", text("What this run has and the one before it has not: image, data, project "
                                         "settings, commit, or a parameter.")},
                          {"run_id", text("UUID of the run that shows it; of the last step, the other run.")},
                          {"status", status("Of that run.")}}),
                "From the base to the other run, one cause at a time; each run has the causes before it, too.")},
       {"bridges",
        list_of(bridge_schema(), "How each number came from its value in the base to that in the other run.")},
       {"not_explained",
        list_of(text("JSON pointer."), "Numbers that differ, and that a run in between does not have.")},
       {"numbers_changed", of_type({"integer", "null"}, "Numbers of the outputs that differ.")},
       {"truncated", of_type("boolean", "There are more of them than bridges: raise limit, or name outputs.")},
       {"summary", text_or_null("The explanation in words; null if there is none yet.")}});
}

struct ExplainAsk {
  ChosenOutputs outputs;
  sweep::BridgeRounding rounding;
  std::size_t limit = 0;
};

Result<ExplainAsk> explain_ask(const json& arguments) {
  auto names = named_outputs(arguments);
  RETURN_IF_ERROR(names);
  if (names->size() > kMaxNamedOutputs) {
    return fail(ErrorKind::kInvalid, "outputs: {} are named; at most {} can be", names->size(), kMaxNamedOutputs);
  }
  auto outputs = choose_outputs("outputs", std::move(*names));
  RETURN_IF_ERROR(outputs);
  ExplainAsk ask{.outputs = std::move(*outputs),
                 .rounding = {.places = {}, .digits = kBridgeDigits},
                 .limit = static_cast<std::size_t>(api::int_at(arguments, "limit").value_or(kUsualBridges))};
  if (const auto places = api::int_at(arguments, "places")) ask.rounding.places = static_cast<int>(*places);
  return ask;
}

// The other run without its outputs, what differs between the numbers of both, and the steps from one to the other,
// whose causes are those of shown_cause().
struct Compared {
  api::ModelRun other;
  sweep::Comparison numbers;
  sweep::ExplainPlan plan;
};

Result<Compared> compare_numbers(const RunSummary& base, const RunSummary& other, const ExplainAsk& ask,
                                 const Call& call) {
  auto pair = read_pair(base, other, ask.outputs, call);
  RETURN_IF_ERROR(pair);
  auto plan = sweep::plan_explanation(pair->base.run, pair->other.run);
  RETURN_IF_ERROR(plan);
  RETURN_IF_ERROR(sweep::check_executable(*plan, pair->other.run));
  for (auto& step : plan->steps) step.cause = shown_cause(step.cause);
  auto numbers =
      sweep::compare(pair->base.outputs, pair->other.outputs, {.max_differences = ask.limit, .numbers_only = true});
  std::ranges::stable_partition(numbers.differences, &sweep::Difference::significant);
  pair->other.run.status.outputs.reset();
  return Compared{std::move(pair->other.run), std::move(numbers), std::move(*plan)};
}

// The run of a step.
struct StepRun {
  RunSummary run;
  bool created = false;  // by this call
};

// One call, from its arguments to its answer. Like wait_for_run() it holds no thread while it waits: the function that
// is called at the end of a wait holds the object. Meanwhile it keeps neither outputs nor parameters, which may be
// large; what is needed of them is read again at the end.
//
// The runs of the steps are named by what they are for (start_step()), so that the same call made again finds them.
class Explaining : public std::enable_shared_from_this<Explaining> {
 public:
  Explaining(ExplainAsk ask, RunSummary base, RunSummary other, std::chrono::seconds wait, CallPtr call, Done done)
      : ask_(std::move(ask)),
        base_(std::move(base)),
        other_(std::move(other)),
        call_(std::move(call)),
        done_(std::move(done)),
        deadline_(std::chrono::steady_clock::now() + wait) {}

  // Starts the runs of the steps, or finds them, and waits for them.
  void begin() {
    auto compared = compare_numbers(base_, other_, ask_, *call_);
    if (!compared) return done_(std::unexpected(compared.error()));
    for (const auto& step : compared->plan.steps) causes_.push_back(step.cause);
    if (compared->numbers.changed == 0) return done_(fields_of({}, compared->numbers));
    if (compared->plan.executed().empty()) return read_all(std::move(*compared));
    for (const auto& step : compared->plan.executed()) {
      auto started = start_step(compared->other, step);
      if (!started) return give_up(started.error(), /*starting=*/true);
      steps_.push_back({std::move(started->run), started->created});
      if (started->created && call_->charge && !call_->charge()) return give_up(rate_used_up(), /*starting=*/true);
    }
    await(0);
  }

 private:
  [[nodiscard]] bool is_keyed() const { return !call_->idempotency_key.empty(); }

  Result<Started> start_step(const api::ModelRun& other, const sweep::ExplainStep& step) {
    const auto request = sweep::step_request(other, step);
    NewRun wanted{.project = {request.namespace_, request.project},
                  .model = request.model,
                  .branch = {},
                  .commit = request.commit,
                  .parameters = request.parameters,
                  .idempotency_key = {},
                  .traceparent = call_->traceparent,
                  .timeout_seconds = request.timeout_seconds,
                  .fail_on_artifact_loss = request.fail_on_artifact_loss,
                  .reuse = request.reuse,
                  .shared = !is_keyed()};
    // No header can have the line break. A client of MCP that puts one into its key can only meet its own runs, as the
    // caller is a part of the name.
    const auto key = is_keyed()
                         ? fmt::format("{}\nstep {}", call_->idempotency_key, steps_.size())
                         : fmt::format("\nexplain {} {} {}", base_.key.uid, other_.key.uid,
                                       sha256_hex(step.commit + (step.parameters ? step.parameters->text() : "")));
    for (int attempt = 1;; ++attempt) {
      wanted.idempotency_key = attempt == 1 ? key : fmt::format("{}\nattempt {}", key, attempt);
      auto started = call_->runs.start(call_->caller, wanted, call_->stop);
      if (!started) {
        return fail_in(fmt::format("the run with all changes up to '{}'", causes_[steps_.size()]), started.error());
      }
      const bool cancelled = !started->created && started->run.phase == api::Phase::kCancelled;
      if (!cancelled || is_keyed() || attempt == kMaxAttempts) return started;
    }
  }

  [[nodiscard]] Error rate_used_up() const {
    return {ErrorKind::kThrottled,
            fmt::format("{} of {} runs in between are started, and each counts as a request: make the same call again "
                        "in some seconds, which goes on with these",
                        steps_.size(), causes_.size() - 1)};
  }

  // Waits for the runs from steps_[i] on.
  void await(std::size_t i) {
    if (i == steps_.size()) return read_again();
    wait_for_run(call_, steps_[i].run,
                 {.reached = [](const RunSummary& now) { return api::is_final(now.phase); }, .deadline = deadline_},
                 [self = shared_from_this(), i](Result<RunSummary> now) {
                   if (!now) return self->give_up(now.error(), /*starting=*/false);
                   self->steps_[i].run = std::move(*now);
                   if (!api::is_final(self->steps_[i].run.phase)) return self->time_is_up();
                   if (self->steps_[i].run.phase != api::Phase::kSucceeded) return self->failed(i);
                   self->await(i + 1);
                 });
  }

  // The runs behind the one that was waited for may be over by now.
  void time_is_up() {
    for (auto& step : steps_) {
      if (const auto refreshed = refresh(step.run, *call_); !refreshed) {
        return give_up(refreshed.error(), /*starting=*/false);
      }
    }
    const auto ended_badly = std::ranges::find_if(steps_, [](const auto& each) {
      return api::is_final(each.run.phase) && each.run.phase != api::Phase::kSucceeded;
    });
    if (ended_badly != steps_.end()) return failed(static_cast<std::size_t>(ended_badly - steps_.begin()));
    const auto goes_on = std::ranges::count_if(steps_, [](const auto& each) { return !api::is_final(each.run.phase); });
    if (goes_on == 0) return read_again();
    auto fields = no_explanation();
    add_frame(fields, "running",
              fmt::format("{} of {} runs in between go on. Make the same call again: it waits for these, and starts no "
                          "others.",
                          goes_on, steps_.size()));
    done_(std::move(fields));
  }

  void failed(std::size_t i) {
    const auto& run = steps_[i].run;
    auto fields = no_explanation();
    const bool cancelled = run.phase == api::Phase::kCancelled;
    add_frame(fields, "failed",
              fmt::format("The run with all changes up to '{}' did not succeed: {}. {}", causes_[i], how_it_ended(run),
                          cancelled ? fmt::format("Make the same call again{}: it starts that run anew.",
                                                  is_keyed() ? " with another idempotency key" : "")
                                    : fmt::format("get_run with run_id {} says why.", run.key.uid)));
    done_(std::move(fields));
  }

  void read_again() {
    auto compared = compare_numbers(base_, other_, ask_, *call_);
    if (!compared) return give_up(compared.error(), /*starting=*/false);
    read_all(std::move(*compared));
  }

  void read_all(Compared compared) {
    compared_.emplace(std::move(compared));
    explainer_.emplace(compared_->plan, compared_->numbers, ask_.rounding);
    read(0);
  }

  // Reads what the runs from steps_[i] on have left. Each is read in a turn of its own, so that a call with many large
  // outputs does not keep a worker from others for long.
  void read(std::size_t i) {
    if (i == steps_.size()) return done_(fields_of(explainer_->take(), compared_->numbers));
    auto one = [self = shared_from_this(), i] {
      if (const auto taken = self->take_outputs(i); !taken) return self->give_up(taken.error(), /*starting=*/false);
      self->read(i + 1);
    };
    if (!call_->later) return one();
    call_->later(std::move(one));
  }

  Result<void> take_outputs(std::size_t i) {
    if (call_->on_tick) call_->on_tick(steps_[i].run);
    const auto read = read_with_outputs(steps_[i].run, *call_);
    RETURN_IF_ERROR(read);
    RETURN_IF_ERROR(sweep::check_step(compared_->other, *read->run, compared_->plan.steps[i]));
    explainer_->add(read->outputs.value_or(api::JsonText(json::object())));
    return {};
  }

  [[nodiscard]] json fields_of(const sweep::Explanation& explanation, const sweep::Comparison& numbers) const {
    auto fields = explanation_fields(explanation, numbers);
    const std::string summary = fields["summary"];
    add_frame(fields, "success", summary);
    return fields;
  }

  void add_frame(json& fields, const char* status, const std::string& message) const {
    std::vector<ShownStep> shown;
    shown.reserve(causes_.size());
    for (std::size_t i = 0; i < steps_.size(); ++i) {
      shown.push_back({causes_[i], steps_[i].run.key.uid, steps_[i].run.phase});
    }
    // Without the runs in between there are no steps: nothing was executed, as no number differs.
    if (shown.size() + 1 == causes_.size()) shown.push_back({causes_.back(), other_.key.uid, other_.phase});
    fields.update({{"status", status},
                   {"base_run_id", base_.key.uid},
                   {"other_run_id", other_.key.uid},
                   {"message", message},
                   {"steps", steps_fields(shown)}});
  }

  // `starting`: not all runs have been started. What may be better in a moment leaves the runs that were: the same call
  // made again goes on with them. They are cancelled if it would fail again, or if the client has left and takes its
  // request back by that; but for those that another call has asked for.
  void give_up(const Error& error, bool starting) {
    const bool left = error.kind == ErrorKind::kCancelled;
    const bool unwanted =
        left ? call_->cancel_on_stop && call_->cancel_on_stop() : starting && !is_transient(error.kind);
    for (const auto& step : steps_) {
      // The results are ignored: no client is left, or the error that matters is the first one. No stop token, as
      // call->stop may have fired.
      if (unwanted && !is_keyed() && step.created) (void)call_->runs.cancel_unshared(call_->caller, step.run.key, {});
    }
    done_(std::unexpected(error));
  }

  const ExplainAsk ask_;
  const RunSummary base_, other_;
  const CallPtr call_;
  const Done done_;
  const std::chrono::steady_clock::time_point deadline_;
  std::vector<std::string> causes_;  // of all steps, as they are shown
  std::vector<StepRun> steps_;       // of all but the last step, which is other_
  // Once all of them are over:
  std::optional<Compared> compared_;
  std::optional<sweep::Explainer> explainer_;
};

void explain_runs(const json& arguments, const CallPtr& call, const Done& done) {
  auto ask = explain_ask(arguments);
  if (!ask) return done(std::unexpected(ask.error()));
  auto base = ended_run(arguments, "base_run_id", *call);
  if (!base) return done(std::unexpected(base.error()));
  auto other = ended_run(arguments, "other_run_id", *call);
  if (!other) return done(std::unexpected(other.error()));
  const std::chrono::seconds wait(api::int_at(arguments, "wait_seconds").value_or(kExplainWait));
  std::make_shared<Explaining>(std::move(*ask), std::move(*base), std::move(*other), wait, call, done)->begin();
}

bool explaining_waits(const json& arguments) {
  return waits_seconds(arguments, kExplainWait);
}

}  // namespace

Tool make_explain_runs_tool() {
  return Tool{.name = "explain_runs",
              .title = "Explain why two runs differ",
              .description =
                  "Why the numbers of two runs differ. What went into them and is not the same (image, data, commit, "
                  "each parameter) is changed one cause at a time from the base to the other run, each step a run; the "
                  "answer says what each cause adds to each number, and the contributions add up to its whole change. "
                  "If the runs in between take longer than wait_seconds, the status is running: make the same call "
                  "again, which goes on with the same runs. compare_runs says what differs, and executes nothing.",
              .idempotent = true,
              .reads_many = true,
              .input_schema = explain_runs_input(),
              .output_schema = explain_runs_result(),
              .call = explain_runs,
              .may_wait = explaining_waits};
}

}  // namespace modelrun::gateway
