#include "gateway/runs/sweep_fields.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "api/json_access.h"
#include "gateway/runs/names.h"
#include "gateway/runs/run_fields.h"

namespace modelrun::gateway {
namespace {

using nlohmann::json;

json number_or_null(const std::optional<double>& number) {
  return number ? json(*number) : json(nullptr);
}

json object_of(const std::vector<std::string>& names, const std::vector<std::string>& values) {
  json object = json::object();
  for (std::size_t i = 0; i < std::min(names.size(), values.size()); ++i) {
    if (!values[i].empty()) object[names[i]] = json_or_null(values[i]);
  }
  return object;
}

json row_fields(const sweep::Table& table, const sweep::Row& row) {
  json error = nullptr;
  if (row.phase != api::Phase::kSucceeded) {
    error = row.reason;
    if (!row.message.empty()) error = fmt::format("{}: {}", row.reason, row.message);
  }
  return {{"index", row.index},
          {"parameters", object_of(table.parameters, row.parameters)},
          {"outputs", object_of(table.outputs, row.outputs)},
          {"status", status_word(row.phase)},
          {"error", std::move(error)},
          {"duration_seconds", number_or_null(row.seconds)}};
}

// Adds the members about the table: the names of its columns, and the rows of `part`.
void add_rows(json& fields, const sweep::Table& table, const RowsPart& part) {
  json rows = json::array();
  std::size_t bytes = 0;
  std::size_t next = std::min(part.offset, table.rows.size());
  const auto end = part.limit < table.rows.size() - next ? next + part.limit : table.rows.size();
  for (; next < end; ++next) {
    auto row = row_fields(table, table.rows[next]);
    bytes += json_size(row) + 1;
    if (bytes > kMaxRowsBytes && !rows.empty()) break;
    rows.push_back(std::move(row));
  }
  fields["parameter_names"] = table.parameters;
  fields["output_names"] = table.outputs;
  fields["rows"] = std::move(rows);
  fields["next_offset"] = next < table.rows.size() ? json(next) : json(nullptr);
}

json summary_of(const api::OutputSummary& summary) {
  return {{"output", summary.output},
          {"count", summary.count},
          {"mean", summary.mean},
          {"stddev", number_or_null(summary.stddev)},
          {"min", summary.min},
          {"p5", summary.p5},
          {"p50", summary.p50},
          {"p95", summary.p95},
          {"max", summary.max},
          {"min_index", summary.min_point},
          {"max_index", summary.max_point}};
}

json sensitivity_of(const api::OutputSensitivity& sensitivity) {
  return {{"output", sensitivity.output},
          {"parameter", sensitivity.axis},
          {"measure", sensitivity.measure},
          {"count", sensitivity.count},
          {"low", number_or_null(sensitivity.low)},
          {"high", number_or_null(sensitivity.high)},
          {"low_at", json_or_null(sensitivity.low_at)},
          {"high_at", json_or_null(sensitivity.high_at)},
          {"correlation", number_or_null(sensitivity.correlation)}};
}

template <class List, class Encode>
json list_of(const List& list, Encode encode) {
  json encoded = json::array();
  for (const auto& each : list) encoded.push_back(encode(each));
  return encoded;
}

// Which of the four kinds the space has, in the words of the tool's arguments; null if it has none of them.
json space_word(const api::JsonText& space) {
  constexpr std::array<std::pair<std::string_view, const char*>, 4> kWords{{{"{\"grid\":", "grid"},
                                                                            {"{\"oneAtATime\":", "one_at_a_time"},
                                                                            {"{\"points\":", "points"},
                                                                            {"{\"sample\":", "sample"}}};
  for (const auto& [begin, word] : kWords) {
    if (space.text().starts_with(begin)) return word;
  }
  return nullptr;
}

json error_of_sweep(const api::ModelSweep& sweep) {
  const auto& status = sweep.status;
  if (status.error) return fmt::format("{}: {}", status.error->reason, status.error->message);
  if (!api::is_final(status.phase) || status.phase == api::Phase::kSucceeded) return nullptr;
  return status.message.empty() ? std::string(status_word(status.phase)) : status.message;
}

std::string what_next(const api::ModelSweep& sweep) {
  const auto& status = sweep.status;
  if (!api::is_final(status.phase)) {
    return "The sweep goes on. Call get_sweep with sweep_id until status is success, failed or cancelled; wait_seconds "
           "lets it wait.";
  }
  if (!status.table_ref) return "The sweep is over and has no table.";
  return fmt::format("The sweep is over: {} of {} points succeeded. The table has a row for each point.",
                     status.points ? status.points->succeeded : 0, status.table_ref->rows);
}

std::int64_t total_rows(const api::ModelSweep& sweep, const sweep::Table* table) {
  if (sweep.status.table_ref) return sweep.status.table_ref->rows;
  if (table != nullptr) return static_cast<std::int64_t>(table->rows.size());
  // What the operator counts has rows, or will have some at the end.
  const auto& points = sweep.status.points;
  return points && !api::is_final(sweep.status.phase) ? points->succeeded + points->failed : 0;
}

void add_points(json& fields, const api::SweepPoints& points) {
  fields["points_total"] = points.total;
  fields["points_succeeded"] = points.succeeded;
  fields["points_failed"] = points.failed;
  fields["points_running"] = points.running;
}

}  // namespace

json sweep_entry(const SweepSummary& sweep, std::string_view project) {
  json fields{{"sweep_id", sweep.key.uid},
              {"status", status_word(sweep.phase)},
              {"project_name", project},
              {"model_name", or_null(sweep.model)},
              {"branch", or_null(sweep.branch)},
              {"commit_sha", or_null(sweep.commit)},
              {"created_at", iso_time(sweep.created)},
              {"started_at", time_or_null(sweep.started)},
              {"finished_at", time_or_null(sweep.finished)}};
  add_points(fields, sweep.points);
  return fields;
}

json sweep_fields(const api::ModelSweep& sweep, const sweep::Table* table, const RowsPart& part,
                  std::string_view project) {
  const auto& status = sweep.status;
  json fields = sweep_entry(summarize(sweep), project);
  fields.update({{"space", space_word(sweep.spec.space)},
                 {"error_message", error_of_sweep(sweep)},
                 {"waiting_for", status.phase == api::Phase::kPending || status.phase == api::Phase::kNone
                                     ? or_null(status.message)
                                     : json(nullptr)},
                 {"warning", or_null(status.warning)},
                 {"message", what_next(sweep)},
                 {"summary", list_of(status.summary, summary_of)},
                 {"sensitivity", list_of(status.sensitivity, sensitivity_of)},
                 {"parameter_names", json::array()},
                 {"output_names", json::array()},
                 {"rows", json::array()},
                 {"total_rows", total_rows(sweep, table)},
                 {"next_offset", nullptr}});
  if (table != nullptr) add_rows(fields, *table, part);
  return fields;
}

json cancel_sweep_fields(const SweepSummary& sweep, bool was_over, std::string_view project) {
  const auto message = [&] {
    if (was_over) return fmt::format("The sweep was over already: {}.", status_word(sweep.phase));
    if (api::is_final(sweep.phase)) return std::string("The sweep is over. get_sweep has the points that have ended.");
    return std::string(
        "The sweep is being cancelled. get_sweep says when it is over; points that have ended are kept.");
  };
  return {{"sweep_id", sweep.key.uid},
          {"status", status_word(sweep.phase)},
          {"project_name", project},
          {"message", message()}};
}

}  // namespace modelrun::gateway
