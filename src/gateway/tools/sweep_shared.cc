#include "gateway/tools/sweep_shared.h"

#include "api/json_access.h"
#include "gateway/runs/names.h"
#include "gateway/runs/run_wait.h"
#include "gateway/tools/schema.h"

namespace modelrun::gateway {

using api::int_at;
using nlohmann::json;

namespace {

constexpr std::int64_t kUsualRows = 20;
constexpr std::int64_t kMaxRows = 500;
constexpr std::int64_t kMaxOffset = 10'000;
constexpr std::int64_t kMaxWait = 60;  // seconds

// The sweep as it is now, with its rows. Blocks.
Result<json> read_fields_of(const SweepSummary& sweep, const RowsPart& part, const Call& call) {
  const auto read = call.sweeps.read_sweep(call.caller, sweep.key, call.stop);
  RETURN_IF_ERROR(read);
  const auto project = shown_project(call, sweep);
  if (part.limit == 0 || !has_rows(**read)) return sweep_fields(**read, nullptr, part, project);
  const auto table = call.sweeps.table(call.caller, **read, call.stop);
  if (table) return sweep_fields(**read, table->get(), part, project);
  if ((*read)->status.table_ref) {
    return fail_in(fmt::format("sweep {} is over ({}), but its table cannot be read; limit 0 asks for the rest",
                               sweep.key.uid, status_word((*read)->status.phase)),
                   table.error());
  }
  // How far the sweep is matters more than the rows that it has so far.
  auto fields = sweep_fields(**read, nullptr, part, project);
  fields["message"] =
      fmt::format("{} Its rows cannot be read now: {}", fields["message"].get<std::string>(), table.error().message);
  return fields;
}

}  // namespace

std::string shown_project(const Call& call, const SweepSummary& sweep) {
  return display_project(sweep.key.namespace_, sweep.project, call.caller.namespace_);
}

SweepAsk sweep_ask(const json& arguments, std::int64_t usual_wait) {
  return {.rows = {.offset = static_cast<std::size_t>(int_at(arguments, "offset").value_or(0)),
                   .limit = static_cast<std::size_t>(int_at(arguments, "limit").value_or(kUsualRows))},
          .wait = std::chrono::seconds(int_at(arguments, "wait_seconds").value_or(usual_wait))};
}

void answer_sweep(const CallPtr& call, const SweepSummary& sweep, const SweepAsk& ask, bool cancel_if_left,
                  const Done& done) {
  if (ask.wait.count() == 0 || api::is_final(sweep.phase)) return done(read_fields_of(sweep, ask.rows, *call));
  wait_for_sweep(call, sweep,
                 {.reached = [](const SweepSummary& now) { return api::is_final(now.phase); },
                  .deadline = std::chrono::steady_clock::now() + ask.wait},
                 [call, key = sweep.key, rows = ask.rows, cancel_if_left, done](const Result<SweepSummary>& now) {
                   if (now) return done(read_fields_of(*now, rows, *call));
                   const bool gone = now.error().kind == ErrorKind::kCancelled;
                   if (gone && cancel_if_left && call->cancel_on_stop && call->cancel_on_stop()) {
                     // The result is ignored because no client is left. No stop token: call->stop has fired already.
                     (void)call->sweeps.cancel(call->caller, key, {});
                   }
                   done(std::unexpected(now.error()));
                 });
}

namespace schema {
namespace {

json number(const char* description) {
  return of_type("number", description);
}

json number_or_none(const char* description) {
  return of_type({"number", "null"}, description);
}

// The members that lists and whole answers share.
json common_properties() {
  return {{"sweep_id", text(kSweepId)},
          {"status", status("success: at least one point succeeded. success, failed and cancelled are final.")},
          {"project_name", text(kProject)},
          {"model_name", text_or_null("The model; null for the whole project.")},
          {"branch", text_or_null("The branch; null for the default that is not looked up yet, and beside a commit.")},
          {"commit_sha", text_or_null("The commit that all points run; null until it is pinned.")},
          {"created_at", text("ISO 8601.")},
          {"started_at", text_or_null("ISO 8601.")},
          {"finished_at", text_or_null("ISO 8601.")},
          {"points_total", of_type("integer", "How many points there are; 0 until they are counted.")},
          {"points_succeeded", of_type("integer", "How many have succeeded.")},
          {"points_failed", of_type("integer", "How many have failed.")},
          {"points_running", of_type("integer", "How many run.")}};
}

json summary_schema() {
  return complete({{"output", text("The output.")},
                   {"count", of_type("integer", "Points that have it.")},
                   {"mean", number("Mean.")},
                   {"stddev", number_or_none("Standard deviation of the sample; null for one point.")},
                   {"min", number("Lowest.")},
                   {"p5", number("5% of the points are below.")},
                   {"p50", number("Median.")},
                   {"p95", number("95% of the points are below.")},
                   {"max", number("Highest.")},
                   {"min_index", of_type("integer", "The row with the lowest.")},
                   {"max_index", of_type("integer", "The row with the highest.")}});
}

json sensitivity_schema() {
  return complete(
      {{"output", text("The output.")},
       {"parameter", text("The parameter that varies.")},
       {"measure", words("Range: of the output along this parameter, the others as in the base. RangeOfMeans: "
                         "of the mean of all points with one value. RankCorrelation: from -1 to 1.",
                         {"Range", "RangeOfMeans", "RankCorrelation"})},
       {"count", of_type("integer", "Points that it was computed from.")},
       {"low", number_or_none("Lowest value of the output, for the two ranges.")},
       {"high", number_or_none("Highest.")},
       {"low_at", anything("The parameter's value there.")},
       {"high_at", anything("The parameter's value there.")},
       {"correlation", number_or_none("For RankCorrelation.")}});
}

json row_schema() {
  return complete({{"index", of_type("integer", "The point's number, from 0.")},
                   {"parameters", of_type("object", "The parameters that vary, with their values in this point.")},
                   {"outputs", of_type("object", "The outputs by name; what a point does not have is left out.")},
                   {"status", status("How the point ended.")},
                   {"error", text_or_null("REASON: message, with the end of stderr; null on success.")},
                   {"duration_seconds", number_or_none("How long the model ran.")}});
}

}  // namespace

json sweep_result() {
  json properties = common_properties();
  json space = words("Which kind of space it has.", {"grid", "one_at_a_time", "points", "sample"});
  space["type"] = {"string", "null"};
  space["enum"].push_back(nullptr);
  properties.update(
      {{"space", std::move(space)},
       {"error_message", text_or_null("REASON: message of a sweep that has failed.")},
       {"waiting_for", text_or_null("Why a pending sweep does not run yet.")},
       {"warning", text_or_null("Something that is worth knowing.")},
       {"message", text("What to do next.")},
       {"summary", list_of(summary_schema(), "Of each output, over the points that have succeeded.")},
       {"sensitivity", list_of(sensitivity_schema(), "How each output moves with each parameter that varies.")},
       {"parameter_names", list_of({{"type", "string"}}, "The parameters that vary.")},
       {"output_names", list_of({{"type", "string"}}, "The outputs in the table.")},
       {"rows", list_of(row_schema(),
                        "Rows of the table, from offset on; while the sweep goes on, of the points that have ended.")},
       {"total_rows", of_type("integer", "Rows of the whole table, or that there are so far.")},
       {"next_offset", of_type({"integer", "null"}, "For the rows after these; null: these are the last.")}});
  return complete(std::move(properties));
}

json sweep_entry() {
  return complete(common_properties());
}

void add_rows_and_wait(json& properties, std::int64_t usual_wait) {
  properties["offset"] = integer("The first row of the table that is answered, from 0.", 0, kMaxOffset, 0);
  properties["limit"] =
      integer("At most so many rows; 0: none. An answer has fewer if they have more than 48 KiB: go on at next_offset.",
              0, kMaxRows, kUsualRows);
  properties["wait_seconds"] =
      integer("Waits up to so many seconds for the end of the sweep.", 0, kMaxWait, usual_wait);
}

}  // namespace schema
}  // namespace modelrun::gateway
