#include "api/points.h"

#include <array>

#include "api/json_access.h"
#include "api/strict_json.h"
#include "base/encoding.h"
#include "base/printable.h"

namespace modelrun::api {
namespace {

using nlohmann::json;

constexpr std::array<std::pair<PointPhase, std::string_view>, 3> kPointPhases{{
    {PointPhase::kSucceeded, "Succeeded"},
    {PointPhase::kFailed, "Failed"},
    {PointPhase::kTimedOut, "TimedOut"},
}};
constexpr std::size_t kMaxReasonBytes = 64;
constexpr std::size_t kMaxHeadBytes = 256U << 10U;  // ten thousand ranges, which there never are
constexpr std::int64_t kMost = 1'000'000'000'000;   // of any number here

// Outputs may be kMaxJsonDepth deep, and are one level below the row.
constexpr JsonLimits kRowLimits{
    .max_depth = 101, .max_values = 64, .max_bytes = kMaxRowOutputs + 1024, .text_member = "outputs"};
constexpr JsonLimits kHeadLimits{.max_depth = 3, .max_values = 3 * kMaxPoints};

std::optional<PointPhase> parse_point_phase(std::string_view word) {
  for (const auto& [phase, name] : kPointPhases) {
    if (name == word) return phase;
  }
  return std::nullopt;
}

std::string join(const json& head, const std::vector<std::string>& lines) {
  std::string text = json_text(head);
  for (const auto& line : lines) text.append("\n").append(line);
  return text;
}

struct Lines {
  json head;
  std::vector<std::string> rest;
};

// At most `most` lines after the first.
Result<Lines> split(std::string_view what, std::string_view text, std::size_t most) {
  Lines out;
  const auto end = std::min(text.find('\n'), text.size());
  if (end > kMaxHeadBytes) return fail(ErrorKind::kTooLarge, "{}: the first line has {} bytes", what, end);
  auto head = parse_strict(text.substr(0, end), kHeadLimits);
  if (!head) return fail_in(what, head.error());
  if (!head->is_object()) return fail(ErrorKind::kInvalid, "{}: the first line is no object", what);
  out.head = *std::move(head);
  for (auto at = end; at < text.size();) {
    const auto next = std::min(text.find('\n', at + 1), text.size());
    if (out.rest.size() == most) return fail(ErrorKind::kTooLarge, "{}: more than {} lines", what, most);
    out.rest.emplace_back(text.substr(at + 1, next - at - 1));
    at = next;
  }
  return out;
}

std::int64_t count_at(const json& object, std::string_view name) {
  return bounded_at(object, name, 0, kMost).value_or(0);
}

Result<std::vector<std::pair<std::int64_t, std::int64_t>>> ranges_of(const json& list) {
  std::vector<std::pair<std::int64_t, std::int64_t>> ranges;
  std::int64_t least = 0;
  for (const json& each : list) {
    const bool pair = each.is_array() && each.size() == 2 && each[0].is_number_integer() && each[1].is_number_integer();
    if (!pair) return fail(ErrorKind::kInvalid, "points: 'done' is no list of ranges");
    const auto first = each[0].get<std::int64_t>(), last = each[1].get<std::int64_t>();
    if (first < least || last < first || last > kMost) return fail(ErrorKind::kInvalid, "points: 'done' has no order");
    ranges.emplace_back(first, last);
    least = last + 1;
  }
  return ranges;
}

}  // namespace

std::string_view to_string(PointPhase phase) {
  for (const auto& [value, name] : kPointPhases) {
    if (value == phase) return name;
  }
  return "Failed";
}

std::string encode_row(const PointRow& row) {
  json out = {{"point", row.point}, {"phase", to_string(row.phase)}, {"milliseconds", row.milliseconds}};
  put_text(out, "reason", printable(row.reason, kMaxReasonBytes));
  put_text(out, "message", printable(row.message, kMaxRowMessage));
  if (row.exit_code) out["exitCode"] = *row.exit_code;
  put_text(out, "stderr", std::string(utf8_back(make_valid_utf8(row.err), kMaxRowErr)));
  put_text(out, "warning", printable(row.warning, kMaxRowMessage));
  std::string text = json_text(out);
  if (row.outputs) text.insert(1, fmt::format("\"outputs\":{},", row.outputs->text()));
  return text;
}

Result<PointRow> decode_row(std::string_view line) {
  if (line.size() > kMaxRowBytes) return fail(ErrorKind::kTooLarge, "row: {} bytes", line.size());
  auto value = parse_strict(line, kRowLimits);
  if (!value) return fail_in("row", value.error());
  const auto point = int_at(*value, "point");
  const auto phase = parse_point_phase(text_at(*value, "phase"));
  if (!point || *point < 0 || *point >= static_cast<std::int64_t>(kMaxPoints) || !phase) {
    return fail(ErrorKind::kInvalid, "row: no point from 0 to {}, or no phase", kMaxPoints - 1);
  }
  PointRow row;
  row.point = *point;
  row.phase = *phase;
  row.reason = printable(text_at(*value, "reason"), kMaxReasonBytes);
  row.message = printable(text_at(*value, "message"), kMaxRowMessage);
  row.err = std::string(utf8_back(text_at(*value, "stderr"), kMaxRowErr));
  row.warning = printable(text_at(*value, "warning"), kMaxRowMessage);
  row.milliseconds = count_at(*value, "milliseconds");
  if (const auto code = int_at(*value, "exitCode")) {
    if (*code < 0 || *code > 255) return fail(ErrorKind::kInvalid, "row: exit code {} out of range", *code);
    row.exit_code = static_cast<int>(*code);
  }
  // The parser has made it a text.
  if (auto outputs = text_at(*value, "outputs"); !outputs.empty()) {
    if (outputs.size() > kMaxRowOutputs) return fail(ErrorKind::kTooLarge, "row: {} bytes of outputs", outputs.size());
    row.outputs = JsonText::from_compact(std::move(outputs));
  }
  return row;
}

std::string encode_points(const PointList& list) {
  json done = json::array();
  for (const auto& [first, last] : list.done) done.push_back({first, last});
  json head = {{"timeoutSeconds", list.timeout.count()}, {"failed", list.failed}, {"done", std::move(done)}};
  if (list.max_failed) head["maxFailed"] = *list.max_failed;
  return join(head, list.points);
}

Result<PointList> decode_points(std::string_view text) {
  auto lines = split("points", text, kMaxPoints);
  RETURN_IF_ERROR(lines);
  auto done = ranges_of(member(lines->head, "done"));
  RETURN_IF_ERROR(done);
  PointList list;
  list.timeout = std::chrono::seconds(count_at(lines->head, "timeoutSeconds"));
  list.failed = count_at(lines->head, "failed");
  if (lines->head.contains("maxFailed")) list.max_failed = count_at(lines->head, "maxFailed");
  list.done = std::move(*done);
  list.points = std::move(lines->rest);
  if (list.timeout < std::chrono::seconds(1) || list.points.empty()) {
    return fail(ErrorKind::kInvalid, "points: timeoutSeconds and at least one point are required");
  }
  return list;
}

std::string encode_report(const RowReport& report) {
  return join({{"from", report.from}, {"last", report.last}}, report.rows);
}

Result<RowReport> decode_report(std::string_view text) {
  if (text.size() > kMaxReportBytes) return fail(ErrorKind::kTooLarge, "rows: {} bytes", text.size());
  auto lines = split("rows", text, kMaxUnstoredRows);
  RETURN_IF_ERROR(lines);
  return RowReport{count_at(lines->head, "from"), bool_at(lines->head, "last"), std::move(lines->rest)};
}

std::string encode_receipt(const RowReceipt& receipt) {
  return json_text({{"held", receipt.held}, {"stored", receipt.stored}});
}

Result<RowReceipt> decode_receipt(std::string_view text) {
  auto lines = split("receipt", text, 0);
  RETURN_IF_ERROR(lines);
  const RowReceipt receipt{count_at(lines->head, "held"), count_at(lines->head, "stored")};
  if (receipt.stored > receipt.held) return fail(ErrorKind::kInvalid, "receipt: more rows are stored than held");
  return receipt;
}

}  // namespace modelrun::api
