#include "sweep/rows.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "base/printable.h"

namespace modelrun::sweep {
namespace {

api::Phase phase_of(api::PointPhase phase) {
  switch (phase) {
    case api::PointPhase::kSucceeded:
      return api::Phase::kSucceeded;
    case api::PointPhase::kTimedOut:
      return api::Phase::kTimedOut;
    case api::PointPhase::kFailed:
      break;
  }
  return api::Phase::kFailed;
}

// The row's message with the end of its stderr, whose last line the message may quote already.
std::string message_of(const api::PointRow& row) {
  std::string_view err = row.err;
  err = err.substr(0, err.find_last_not_of(" \t\r\n") + 1);
  std::string_view words = row.message;
  const auto last = err.substr(err.find_last_of('\n') + 1);
  const bool quoted = !last.empty() && words.ends_with(": " + std::string(last));
  if (quoted) words.remove_suffix(last.size() + 2);
  const auto text = err.empty() ? row.message : fmt::format("{}: {}", words, err);
  return printable(text, api::kMaxRowMessage + api::kMaxRowErr);
}

}  // namespace

Row row_of(const api::PointRow& from, std::size_t index, std::string run) {
  Row row{.index = index,
          .phase = phase_of(from.phase),
          .seconds = static_cast<double>(from.milliseconds) / 1000,
          .run = std::move(run)};
  if (row.phase == api::Phase::kSucceeded) return row;
  row.reason = from.reason;
  row.message = message_of(from);
  return row;
}

std::vector<std::string> cells_of(PointOutputs from, const std::vector<std::string>& columns) {
  std::vector<std::string> cells(columns.size());
  for (auto& output : from.outputs) {
    const auto column = std::ranges::find(columns, output.name);
    if (column == columns.end()) continue;
    cells[static_cast<std::size_t>(column - columns.begin())] = std::move(output.value);
  }
  return cells;
}

}  // namespace modelrun::sweep
