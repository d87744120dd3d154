#include "cli/table.h"

#include <algorithm>
#include <iterator>

#include "base/encoding.h"
#include "cli/escape.h"
#include "cli/run_view.h"
#include "cli/sweep_view.h"

namespace modelrun::cli {
namespace {

std::string cell(const std::string& text) {
  if (text.empty()) return "<none>";
  std::string flat = escape(text);
  std::ranges::replace_if(flat, [](char c) { return c == '\n' || c == '\t'; }, ' ');
  return flat;
}

// The number of code points, which is the number of terminal columns unless there are wide or combining characters.
std::size_t width(const std::string& text) {
  return static_cast<std::size_t>(std::ranges::count_if(text, [](char c) { return !continues_utf8(c); }));
}

Row short_row(const api::ModelRun& run, Time now) {
  const auto& status = run.status;
  return {run.meta.name,
          run.spec.project,
          status.run_number > 0 ? std::to_string(status.run_number) : "",
          status.phase == api::Phase::kNone ? "Pending" : std::string(to_string(status.phase)),
          reason_of(run),
          status.exit_code ? std::to_string(*status.exit_code) : "",
          status.commit_sha.substr(0, 12),
          duration_of(run, now),
          age(now - run.meta.creation)};
}

// The beginning of the parameters' JSON.
std::string parameters_cell(const std::string& text) {
  constexpr std::size_t kMost = 60;
  return text.size() <= kMost ? text : make_valid_utf8(text.substr(0, kMost - 3)) + "...";
}

}  // namespace

std::string render_table(const std::vector<Row>& rows, std::vector<std::size_t>* kept) {
  std::vector<std::size_t> widths = kept == nullptr ? std::vector<std::size_t>{} : *kept;
  std::vector<Row> cells = rows;
  for (auto& row : cells) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i) {
      row[i] = cell(row[i]);
      widths[i] = std::max(widths[i], width(row[i]));
    }
  }
  std::string text;
  for (const auto& row : cells) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      text += row[i];
      if (i + 1 < row.size()) text.append(widths[i] - width(row[i]) + 3, ' ');
    }
    text += '\n';
  }
  if (kept != nullptr) *kept = std::move(widths);
  return text;
}

Row runs_header(const RunsTable& form) {
  Row row{"NAME", "PROJECT", "NUMBER", "PHASE", "REASON", "EXIT", "COMMIT", "DURATION", "AGE"};
  if (form.namespaces) row.insert(row.begin(), "NAMESPACE");
  if (form.wide) std::ranges::copy(Row{"MODEL", "BRANCH", "PARAMETERS", "NODE"}, std::back_inserter(row));
  return row;
}

Row run_row(const api::ModelRun& run, const RunsTable& form, Time now) {
  Row row = short_row(run, now);
  if (form.namespaces) row.insert(row.begin(), run.meta.namespace_);
  if (!form.wide) return row;
  row.push_back(run.spec.scope == api::Scope::kModel ? run.spec.model_name : "");
  row.push_back(run.status.branch);
  row.push_back(run.spec.parameters ? parameters_cell(run.spec.parameters->text()) : "");
  row.push_back(run.status.node_name);
  return row;
}

Row sweeps_header(const RunsTable& form) {
  Row row{"NAME", "PROJECT", "PHASE", "REASON", "POINTS", "FAILED", "COMMIT", "DURATION", "AGE"};
  if (form.namespaces) row.insert(row.begin(), "NAMESPACE");
  if (form.wide) std::ranges::copy(Row{"MODEL", "BRANCH", "PARAMETERS"}, std::back_inserter(row));
  return row;
}

Row sweep_row(const api::ModelSweep& sweep, const RunsTable& form, Time now) {
  const auto& status = sweep.status;
  const auto& points = status.points;
  Row row{sweep.meta.name,
          sweep.spec.project,
          status.phase == api::Phase::kNone ? "Pending" : std::string(to_string(status.phase)),
          reason_of(sweep),
          points ? fmt::format("{}/{}", points->succeeded + points->failed, points->total) : "",
          points ? std::to_string(points->failed) : "",
          status.commit_sha.substr(0, 12),
          duration_between(status.started_at, status.finished_at, api::is_final(status.phase), now),
          age(now - sweep.meta.creation)};
  if (form.namespaces) row.insert(row.begin(), sweep.meta.namespace_);
  if (!form.wide) return row;
  row.push_back(sweep.spec.scope == api::Scope::kModel ? sweep.spec.model_name : "");
  row.push_back(status.branch);
  row.push_back(sweep.spec.parameters == api::JsonText() ? "" : parameters_cell(sweep.spec.parameters.text()));
  return row;
}

}  // namespace modelrun::cli
