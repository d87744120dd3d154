// The contract between the operator and the pod of a run with spec.points: one sandbox that executes the entry point
// once for each object of a list of parameters, one after the other, in a process of its own each. Beside the points it
// is the pod of any run (api/sandbox.h), made for the run or adopted (api/standby.h). Pure and thread-safe.
//
// What a point leaves is a row. The agent reports rows as they come; the operator keeps them in ConfigMaps that the run
// owns. An attempt begins with the first point that has no row, so that a lost pod costs the point that it was at.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/json_text.h"
#include "base/error.h"

namespace modelrun::api {

inline constexpr std::size_t kMaxPoints = 10'000;
inline constexpr std::size_t kMaxPointsBytes = 1U << 20U;  // of spec.points as compact JSON

// ---- Rows ---------------------------------------------------------------------------------------------------------
enum class PointPhase { kSucceeded, kFailed, kTimedOut };
std::string_view to_string(PointPhase phase);

struct PointRow {
  std::int64_t point = 0;  // the index in spec.points, from 0
  PointPhase phase = PointPhase::kSucceeded;
  std::string reason;               // one of api/reason.h; empty if the point succeeded
  std::string message;              // for people, printable, at most kMaxRowMessage bytes; empty if it succeeded
  std::optional<int> exit_code;     // as a shell reports it: the code, or 128 + the number of the signal
  std::int64_t milliseconds = 0;    // that its process ran
  std::optional<JsonText> outputs;  // a JSON object, at most kMaxRowOutputs bytes; absent: it left none
  std::string err;                  // the end of its stderr if it did not succeed, at most kMaxRowErr bytes
  std::string warning;              // for people, printable, at most kMaxRowMessage bytes
};

inline constexpr std::size_t kMaxRowMessage = 512;
inline constexpr std::size_t kMaxRowErr = 1024;
inline constexpr std::size_t kMaxRowOutputs = 16U << 10U;
// A row as JSON text is at most this long: escapes may make a text six times as long.
inline constexpr std::size_t kMaxRowBytes = 32U << 10U;

// Returns one line of JSON, without '\n', of at most kMaxRowBytes: texts are cut to their bounds. REQUIRES: the outputs
// keep theirs.
std::string encode_row(const PointRow& row);
// Returns kTooLarge for a line of more than kMaxRowBytes, and kInvalid for one that is not a row. Safe for hostile
// text: what is too long is cut, and words for people are made printable.
Result<PointRow> decode_row(std::string_view line);

// ---- Environment --------------------------------------------------------------------------------------------------
// "1" in both containers of a pod that was made for a run with points. `exec` takes it out; it needs kEnvPrepare there,
// and has kEnvPreload where the harness prepares: the modules that the project names, and no default as in a standby.
// /inputs is writable for the agent. A standby is told by its work (Work::points).
inline constexpr const char* kEnvPoints = "MODELRUN_POINTS";

// ---- Run server ---------------------------------------------------------------------------------------------------
// Two more requests of an attempt (P as in api/sandbox.h). Only the pod that got the source may make them.
//   P/points   No body. 200: a PointList. Asked once, after the source.
//   P/rows     The body is a RowReport. 200: a RowReceipt.
struct PointList {
  std::chrono::seconds timeout{0};         // of one point
  std::optional<std::int64_t> max_failed;  // the agent stops when more points than this have failed, in all attempts
  std::int64_t failed = 0;                 // of the points that are done
  std::vector<std::pair<std::int64_t, std::int64_t>> done;  // ranges [first, last] of points that have a row; ascending
  std::vector<std::string> points;  // all of them, each the text of its parameters.json, a JSON object
};
// A line of JSON, and then one line for each point.
std::string encode_points(const PointList& list);
Result<PointList> decode_points(std::string_view text);

// The rows of an attempt are numbered from 0 in the order in which the agent makes them.
struct RowReport {
  std::int64_t from = 0;          // the number of the first row here
  bool last = false;              // no more rows will come: the answer is delayed until all are stored, or 20 s
  std::vector<std::string> rows;  // encode_row() each
};
// A line of JSON, and then one line for each row. At most kMaxReportBytes.
inline constexpr std::size_t kMaxReportBytes = 512U << 10U;
std::string encode_report(const RowReport& report);
Result<RowReport> decode_report(std::string_view text);

// What the operator has of the attempt's rows. The agent sends from `held` on, whatever it sent before: an operator
// that was restarted has the stored ones only. It keeps a row until it is stored.
struct RowReceipt {
  std::int64_t held = 0;    // rows that the operator has, those that are stored included
  std::int64_t stored = 0;  // rows that are in the API server
};
std::string encode_receipt(const RowReceipt& receipt);
Result<RowReceipt> decode_receipt(std::string_view text);

// How much the agent keeps of rows that are not stored: it begins no further point beyond either. They are in the
// result frame (ResultFrame::rows) if the run server does not take them.
inline constexpr std::size_t kMaxUnstoredRows = 256;
inline constexpr std::size_t kMaxUnstoredBytes = 1U << 20U;

}  // namespace modelrun::api
