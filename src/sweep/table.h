// The whole table of a sweep: a row for each point. It is kept compressed in ConfigMaps and read as CSV or JSON Lines.
// docs/sweeps-format.md specifies the three forms. Pure and thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "api/model_run.h"
#include "base/error.h"
#include "base/packed_document.h"
#include "sweep/outputs.h"
#include "sweep/space.h"

namespace modelrun::sweep {

inline constexpr std::size_t kMaxTableBytes = 16U << 20U;  // of encode_table(), before compression

// Values are exact texts (sweep/exact_json.h), so that numbers keep their digits; an empty text: there is none.
struct Row {
  std::size_t index = 0;                  // of the point
  std::vector<std::string> parameters{};  // one value for each of Table::parameters
  std::vector<std::string> outputs{};     // one value for each of Table::outputs
  api::Phase phase = api::Phase::kNone;
  std::string reason{};             // one word; empty for a success
  std::string message{};            // of a point that failed, with the end of its stderr; one line
  std::optional<double> seconds{};  // how long the model took; finite
  std::string run{};                // the name of the ModelRun
  friend bool operator==(const Row&, const Row&) = default;
};

struct Table {
  std::vector<std::string> parameters;  // names of those that vary, at most kMaxNames
  std::vector<std::string> outputs;     // names, at most kMaxColumns
  std::vector<Row> rows;                // by index
  friend bool operator==(const Table&, const Table&) = default;
};

// Bytes that a table takes in memory, about: its names and values cost more there than in its text.
std::size_t memory_of(const Table& table);
// The most that decode_table() needs: the text, and the table with all columns in all rows.
inline constexpr std::size_t kMaxTableMemory =
    2 * kMaxTableBytes + kMaxPoints * (sizeof(Row) + (kMaxNames + kMaxColumns) * sizeof(std::string));
// Asked before rows are made, with the bytes that they and their text will take at most. An error ends the reading.
using AdmitTable = std::function<Result<void>(std::size_t bytes)>;

// RFC 4180, with a header line: index, the parameters, the outputs, phase, reason, message, durationSeconds, run. A
// parameter and an output of one name, or of one of these names, are told apart by "parameter " or "output " in front.
// A text that a spreadsheet would take for a formula has a "'" in front (CSV injection); numbers are as they are.
std::string to_csv(const Table& table);

// One JSON object a line: {"index", "parameters": {NAME: VALUE}, "outputs": {NAME: VALUE}, "phase", "reason",
// "message", "durationSeconds", "run"}. Values that are not there are left out.
std::string to_json_lines(const Table& table);

// The form that is kept: a line that names the columns, then to_json_lines().
std::string encode_table(const Table& table);
// kInvalid for text that encode_table() did not make; kTooLarge beyond kMaxTableBytes or kMaxPoints rows; the error of
// `admit`, which may be empty.
Result<Table> decode_table(std::string_view text, const AdmitTable& admit = {});

// What is kept: encode_table(), in the parts of status.tableRef. kTooLarge if it has more than kMaxTableBytes.
Result<PackedDocument> pack_table(const Table& table, std::size_t part_bytes = kDocumentPartBytes);
// Fails as unpack_document() and decode_table() do.
Result<Table> unpack_table(std::span<const std::string> parts, std::string_view sha256, std::uint64_t bytes,
                           const AdmitTable& admit = {});

}  // namespace modelrun::sweep
