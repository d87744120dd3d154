#include "cli/sweep_view.h"

#include <fmt/format.h>

#include <algorithm>

#include "cli/run_view.h"
#include "cli/table.h"

namespace modelrun::cli {
namespace {

constexpr std::size_t kBarColumns = 20;
constexpr std::size_t kRowsShown = 40;
constexpr std::size_t kColumnsShown = 12;

std::string short_number(double value) {
  return fmt::format("{:.6g}", value);
}

std::string points_table(const sweep::Table& table) {
  Row header = {"POINT"};
  std::ranges::copy(table.parameters, std::back_inserter(header));
  std::ranges::copy(table.outputs, std::back_inserter(header));
  header.emplace_back("PHASE");
  std::vector<Row> rows = {header};
  for (const auto& each : table.rows) {
    Row row = {std::to_string(each.index)};
    std::ranges::copy(each.parameters, std::back_inserter(row));
    std::ranges::copy(each.outputs, std::back_inserter(row));
    row.push_back(each.reason.empty() ? std::string(to_string(each.phase)) : each.reason + ": " + each.message);
    rows.push_back(std::move(row));
  }
  return render_table(rows);
}

// A low or high value of an output, and the value of the axis there.
std::string at_axis(const std::optional<double>& value, const std::string& at) {
  if (!value) return "";
  return at.empty() ? short_number(*value) : fmt::format("{} at {}", short_number(*value), at);
}

std::string summaries_text(const api::ModelSweepStatus& status) {
  std::vector<Row> rows = {{"OUTPUT", "COUNT", "MEAN", "STDDEV", "MIN", "P5", "P50", "P95", "MAX"}};
  for (const auto& each : status.summary) {
    rows.push_back({each.output, std::to_string(each.count), short_number(each.mean),
                    each.stddev ? short_number(*each.stddev) : "", short_number(each.min), short_number(each.p5),
                    short_number(each.p50), short_number(each.p95), short_number(each.max)});
  }
  return rows.size() == 1 ? "" : render_table(rows);
}

// The sensitivities are all correlations, all ranges, or both, where a sample has axes of texts.
std::string sensitivities_text(const api::ModelSweepStatus& status) {
  const auto is_correlation = [](const api::OutputSensitivity& each) { return each.measure == "RankCorrelation"; };
  const bool ranges = !std::ranges::all_of(status.sensitivity, is_correlation);
  const bool correlations = std::ranges::any_of(status.sensitivity, is_correlation);
  Row header = {"OUTPUT", "AXIS"};
  if (ranges) std::ranges::copy(Row{"LOWEST", "HIGHEST"}, std::back_inserter(header));
  if (correlations) header.emplace_back("RANK CORRELATION");
  std::vector<Row> rows = {header};
  for (const auto& each : status.sensitivity) {
    Row row = {each.output, each.axis};
    if (ranges) {
      row.push_back(at_axis(each.low, each.low_at));
      row.push_back(at_axis(each.high, each.high_at));
    }
    if (correlations) row.push_back(each.correlation ? fmt::format("{:+.3f}", *each.correlation) : "");
    rows.push_back(std::move(row));
  }
  return rows.size() == 1 ? "" : render_table(rows);
}

bool is_executing(const api::ModelSweep& sweep) {
  const auto reason = reason_of(sweep);
  return sweep.status.points && sweep.status.points->total > 0 && (reason.empty() || reason == "Running");
}

std::string points_fact(const api::ModelSweepStatus& status) {
  if (!status.points) return {};
  return fmt::format("{} of {} succeeded, {} failed", status.points->succeeded, status.points->total,
                     status.points->failed);
}

}  // namespace

std::string reason_of(const api::ModelSweep& sweep) {
  if (sweep.status.error) return sweep.status.error->reason;
  const auto* condition = api::find_condition(sweep.status.conditions, "Succeeded");
  return condition == nullptr ? "" : condition->reason;
}

int exit_code_of(const api::ModelSweep& sweep) {
  if (sweep.status.phase == api::Phase::kSucceeded) return 0;
  return sweep.status.phase == api::Phase::kCancelled ? 130 : 1;
}

std::string progress_line(const api::ModelSweep& sweep) {
  return progress_line(sweep.meta.name, sweep.status.phase, reason_of(sweep), sweep.status.message);
}

std::string SweepProgress::line(const api::ModelSweep& sweep, Time now) {
  if (!is_executing(sweep)) return progress_line(sweep);
  const auto& points = *sweep.status.points;
  const auto done = points.succeeded + points.failed;
  if (!since_) {
    since_ = now;
    done_then_ = done;
  }
  const auto share = std::clamp(static_cast<double>(done) / static_cast<double>(points.total), 0.0, 1.0);
  const std::string filled(static_cast<std::size_t>(share * static_cast<double>(kBarColumns)), '#');
  std::string text = fmt::format("[{:.<{}}] {}/{} points", filled, kBarColumns, done, points.total);
  if (points.failed > 0) text += fmt::format(", {} failed", points.failed);
  if (points.running > 0) text += fmt::format(", {} running", points.running);
  if (done > done_then_ && done < points.total) {
    const double each = std::chrono::duration<double>(now - *since_).count() / static_cast<double>(done - done_then_);
    const std::chrono::duration<double> left(std::max(1.0, each * static_cast<double>(points.total - done)));
    text += fmt::format(", about {} left", age(std::chrono::duration_cast<Duration>(left)));
  }
  return text;
}

bool SweepProgress::is_news(const api::ModelSweep& sweep) {
  auto told = fmt::format("{} {}", to_string(sweep.status.phase), reason_of(sweep));
  if (is_executing(sweep)) {
    const auto& points = *sweep.status.points;
    told += fmt::format(" {}", (points.succeeded + points.failed) * 10 / points.total);
  }
  const bool news = told != told_;
  told_ = std::move(told);
  return news;
}

std::string statistics_text(const api::ModelSweepStatus& status) {
  const auto summaries = summaries_text(status), sensitivities = sensitivities_text(status);
  return summaries + (summaries.empty() || sensitivities.empty() ? "" : "\n") + sensitivities;
}

std::string sweep_summary(const api::ModelSweep& sweep, const sweep::Table& table, Time now) {
  const auto& status = sweep.status;
  std::string text;
  add_fact(text, "Sweep", sweep.meta.name);
  add_fact(text, "Phase", std::string(to_string(status.phase)));
  if (const auto reason = reason_of(sweep); reason != to_string(status.phase)) {
    add_fact(text, "Reason", status.message.empty() ? reason : fmt::format("{}: {}", reason, status.message));
  }
  add_fact(text, "Duration", duration_between(status.started_at, status.finished_at, true, now));
  add_fact(text, "Commit",
           status.branch.empty() ? status.commit_sha : fmt::format("{} ({})", status.commit_sha, status.branch));
  add_fact(text, "Points", points_fact(status));
  add_fact(text, "Warning", status.warning);
  const bool few = table.rows.size() <= kRowsShown && table.parameters.size() + table.outputs.size() <= kColumnsShown;
  if (few && !table.rows.empty()) text += "\n" + points_table(table);
  if (const auto statistics = statistics_text(status); !statistics.empty()) text += "\n" + statistics;
  if (!table.rows.empty()) {
    text += fmt::format("\nthe whole table, {} rows: kubectl modelrun output modelsweep/{} -n {} -o csv\n",
                        table.rows.size(), sweep.meta.name, sweep.meta.namespace_);
  }
  return text;
}

}  // namespace modelrun::cli
