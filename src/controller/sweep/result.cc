#include "controller/sweep/result.h"

#include <algorithm>
#include <utility>

#include "base/printable.h"
#include "sweep/rows.h"
#include "sweep/statistics.h"

namespace modelrun::controller {
namespace {

using api::Phase;

std::string_view word_of(sweep::Measure measure) {
  switch (measure) {
    case sweep::Measure::kRange:
      return "Range";
    case sweep::Measure::kRangeOfMeans:
      return "RangeOfMeans";
    case sweep::Measure::kRankCorrelation:
      break;
  }
  return "RankCorrelation";
}

api::OutputSummary shown(const std::string& output, const sweep::Summary& from) {
  api::OutputSummary summary;
  summary.output = output;
  summary.count = static_cast<std::int64_t>(from.count);
  summary.mean = from.mean;
  summary.stddev = from.stddev;
  summary.min = from.min;
  summary.p5 = from.p5;
  summary.p50 = from.p50;
  summary.p95 = from.p95;
  summary.max = from.max;
  summary.min_point = static_cast<std::int64_t>(from.min_point);
  summary.max_point = static_cast<std::int64_t>(from.max_point);
  return summary;
}

api::OutputSensitivity shown(const std::string& output, const sweep::Sensitivity& from) {
  api::OutputSensitivity sensitivity;
  sensitivity.output = output;
  sensitivity.axis = from.axis;
  sensitivity.measure = word_of(from.measure);
  sensitivity.count = static_cast<std::int64_t>(from.count);
  sensitivity.correlation = from.correlation;
  if (from.measure == sweep::Measure::kRankCorrelation || from.count == 0) return sensitivity;
  sensitivity.low = from.low;
  sensitivity.high = from.high;
  if (from.low_at.size() <= kMaxShownAxisValue) sensitivity.low_at = from.low_at;
  if (from.high_at.size() <= kMaxShownAxisValue) sensitivity.high_at = from.high_at;
  return sensitivity;
}

// About what it takes in status.
std::size_t bytes_of(const api::OutputSensitivity& each) {
  constexpr std::size_t kNumbersAndNames = 160;
  return kNumbersAndNames + each.output.size() + each.axis.size() + each.low_at.size() + each.high_at.size();
}
std::size_t bytes_of(const api::OutputSummary& each) {
  constexpr std::size_t kNumbersAndNames = 300;
  return kNumbersAndNames + each.output.size();
}

// Adds `each` to `list` if `left` has room for it.
template <class T>
bool add_within(std::vector<T>& list, T each, std::size_t& left) {
  const auto bytes = bytes_of(each);
  if (bytes > left) return false;
  left -= bytes;
  list.push_back(std::move(each));
  return true;
}

void warn(SweepResult& result, std::string_view text) {
  if (!result.warning.empty()) result.warning += "; ";
  result.warning += text;
}

}  // namespace

SweepTable::SweepTable(const api::ModelSweepSpec& spec, const sweep::SpacePoints& space) : spec_(spec), space_(space) {
  rows_.resize(space.points.points.size());
  outputs_.resize(rows_.size());
  for (std::size_t i = 0; i < rows_.size(); ++i) rows_[i].index = i;
}

void SweepTable::take(const SweepPart& part, const api::PointRow& from) {
  if (from.point < 0 || std::cmp_greater_equal(from.point, part.covers)) return;
  const auto index = part.first + static_cast<std::size_t>(from.point);
  auto& row = rows_.at(index);
  if (row.phase != Phase::kNone) return;
  row = sweep::row_of(from, index, part.name);
  if (!from.outputs || bytes_ > sweep::kMaxTableBytes) return;
  outputs_[index] = sweep::outputs_of(*from.outputs, spec_.outputs);
  for (const auto& output : outputs_[index].outputs) bytes_ += output.name.size() + output.value.size();
}

void SweepTable::miss(const SweepPart& part, const SweepMiss& why) {
  for (std::size_t i = part.first; i < part.first + part.covers; ++i) {
    auto& row = rows_.at(i);
    if (row.phase != Phase::kNone) continue;
    row.phase = why.phase;
    row.reason = why.reason;
    row.message = printable(why.message, api::kMaxRowMessage);
    if (part.run != nullptr) row.run = part.name;
  }
}

void SweepTable::statistics(const std::vector<std::string>& columns, SweepResult& result) const {
  std::size_t left = kMaxStatisticsBytes;
  bool all = true;
  for (std::size_t column = 0; column < columns.size(); ++column) {
    std::vector<sweep::Observation> observations;
    for (const auto& row : rows_) {
      if (row.phase != Phase::kSucceeded) continue;
      if (const auto value = sweep::number_in(row.outputs[column])) observations.push_back({row.index, *value});
    }
    if (const auto summary = sweep::summarize(observations)) {
      all = add_within(result.summary, shown(columns[column], *summary), left) && all;
    }
    if (observations.empty()) continue;
    for (const auto& each : sweep::sensitivity(space_.space, space_.points, observations)) {
      all = add_within(result.sensitivity, shown(columns[column], each), left) && all;
    }
  }
  if (!all) warn(result, "summary and sensitivity are not whole: name fewer outputs in spec.outputs");
}

Result<SweepResult> SweepTable::finish(const std::string& name) {
  constexpr const char* kAdvice = "name the outputs that matter in spec.outputs, and create the sweep again";
  if (bytes_ > sweep::kMaxTableBytes) {
    return fail(ErrorKind::kTooLarge, "the table has more than {} bytes: {}", sweep::kMaxTableBytes, kAdvice);
  }
  sweep::Table table;
  table.parameters = space_.points.names;
  auto columns = sweep::columns_of(outputs_, spec_.outputs);
  for (std::size_t i = 0; i < rows_.size(); ++i) {
    rows_[i].parameters = space_.points.points[i].values;
    rows_[i].outputs = sweep::cells_of(std::exchange(outputs_[i], {}), columns.names);
  }
  SweepResult result;
  statistics(columns.names, result);
  if (columns.more) warn(result, "not all outputs stand in the table: name those that matter in spec.outputs");
  result.rows = static_cast<std::int64_t>(rows_.size());
  result.succeeded = std::ranges::count(rows_, Phase::kSucceeded, &sweep::Row::phase);
  result.failed = std::ranges::count(rows_, Phase::kFailed, &sweep::Row::phase) +
                  std::ranges::count(rows_, Phase::kTimedOut, &sweep::Row::phase);
  table.outputs = std::move(columns.names);
  table.rows = std::move(rows_);
  auto packed = sweep::pack_table(table);
  if (!packed) return fail(packed.error().kind, "{}: {}", packed.error().message, kAdvice);
  result.table = std::move(*packed);
  api::TableRef ref{{}, result.table.sha256, result.table.bytes, result.rows};
  for (std::size_t i = 1; i <= result.table.parts.size(); ++i) {
    ref.config_maps.push_back(fmt::format("{}-{}-{}", name, ref.sha256.substr(0, 8), i));
  }
  result.ref = std::move(ref);
  return result;
}

}  // namespace modelrun::controller
