#include "cli/table.h"

#include <algorithm>
#include <iterator>

#include "base/encoding.h"
#include "cli/escape.h"
#include "cli/run_view.h"

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
std::string parameters_cell(const api::ModelRun& run) {
  constexpr std::size_t kMost = 60;
  if (!run.spec.parameters) return {};
  const auto& text = run.spec.parameters->text();
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
  row.push_back(parameters_cell(run));
  row.push_back(run.status.node_name);
  return row;
}

std::string runs_table(const std::vector<api::ModelRun>& runs, const RunsTable& form, Time now,
                       std::vector<std::size_t>* widths) {
  std::vector<Row> rows{runs_header(form)};
  for (const auto& run : runs) rows.push_back(run_row(run, form, now));
  return render_table(rows, widths);
}

}  // namespace modelrun::cli
