#include "sweep/table.h"

#include <algorithm>
#include <array>

#include "api/sandbox.h"
#include "sweep/fields.h"

namespace modelrun::sweep {
namespace {

constexpr std::string_view kFormat = "modelrun.dev/sweep-table/v1";
// A value may be nested as deep as outputs are, below the row and its `outputs`.
constexpr int kRowDepth = api::kMaxJsonDepth + 2;
constexpr std::array kPhases = {api::Phase::kNone,      api::Phase::kPending, api::Phase::kRunning,
                                api::Phase::kSucceeded, api::Phase::kFailed,  api::Phase::kTimedOut,
                                api::Phase::kCancelled};

std::string object_of(const std::vector<std::string>& names, const std::vector<std::string>& values) {
  std::string out = "{";
  for (std::size_t i = 0; i < names.size() && i < values.size(); ++i) {
    if (!values[i].empty()) append_member(out, names[i], values[i]);
  }
  return out + "}";
}

std::string list_of(const std::vector<std::string>& names) {
  std::string out = "[";
  for (const auto& name : names) {
    if (out.size() > 1) out += ',';
    out += json_string(name);
  }
  return out + "]";
}

void add_row(std::string& out, const Table& table, const Row& row) {
  std::string line = "{";
  append_member(line, "index", std::to_string(row.index));
  append_member(line, "parameters", object_of(table.parameters, row.parameters));
  append_member(line, "outputs", object_of(table.outputs, row.outputs));
  if (row.phase != api::Phase::kNone) append_member(line, "phase", json_string(api::to_string(row.phase)));
  if (!row.reason.empty()) append_member(line, "reason", json_string(row.reason));
  if (!row.message.empty()) append_member(line, "message", json_string(row.message));
  if (row.seconds) append_member(line, "durationSeconds", number_text(*row.seconds));
  if (!row.run.empty()) append_member(line, "run", json_string(row.run));
  out += line;
  out += "}\n";
}

Result<std::vector<std::string>> read_names(Fields& fields, std::string_view name, std::size_t most) {
  const auto list = fields.need(name);
  RETURN_IF_ERROR(list);
  std::vector<std::string> names;
  if (*list == "[]") return names;
  const auto elements = read_list(fields.path_of(name), *list, most);
  RETURN_IF_ERROR(elements);
  for (const auto element : *elements) {
    auto each = read_string(fields.path_of(name), element);
    RETURN_IF_ERROR(each);
    names.push_back(*std::move(each));
  }
  return names;
}

Result<std::vector<std::string>> read_values(Fields& fields, std::string_view name,
                                             const std::vector<std::string>& names) {
  const auto object = fields.need(name);
  RETURN_IF_ERROR(object);
  if (kind_of(*object) != JsonKind::kObject) return wrong_type(fields.path_of(name), "an object", *object);
  std::vector<std::string> values(names.size());
  for (const auto& member : members_of(*object)) {
    const auto at = std::ranges::find(names, member.name);
    if (at == names.end()) return bad_field(fields.path_of(name), "has a member that is no column");
    values[static_cast<std::size_t>(at - names.begin())] = member.value;
  }
  return values;
}

Result<std::string> read_text(Fields& fields, std::string_view name) {
  const auto value = fields.take(name);
  return value ? read_string(fields.path_of(name), *value) : std::string();
}

Result<api::Phase> read_phase(Fields& fields) {
  const auto word = read_text(fields, "phase");
  RETURN_IF_ERROR(word);
  const auto* const found = std::ranges::find(kPhases, *word, [](api::Phase phase) { return api::to_string(phase); });
  if (found == kPhases.end()) return bad_field(fields.path_of("phase"), "is no phase");
  return *found;
}

Result<Row> read_row(std::string_view line, const Table& table) {
  const auto path = fmt::format("table, row {}", table.rows.size());
  const auto text = exact_text(line, {.max_depth = kRowDepth});
  if (!text) return fail_in(path, text.error());
  auto fields = Fields::of(path, *text);
  RETURN_IF_ERROR(fields);
  Row row;
  const auto index = fields->need_whole("index", 0, kMaxPoints - 1);
  RETURN_IF_ERROR(index);
  row.index = *index;
  auto parameters = read_values(*fields, "parameters", table.parameters);
  RETURN_IF_ERROR(parameters);
  row.parameters = *std::move(parameters);
  auto outputs = read_values(*fields, "outputs", table.outputs);
  RETURN_IF_ERROR(outputs);
  row.outputs = *std::move(outputs);
  const auto phase = read_phase(*fields);
  RETURN_IF_ERROR(phase);
  row.phase = *phase;
  for (auto [name, field] : {std::pair("reason", &row.reason), {"message", &row.message}, {"run", &row.run}}) {
    auto value = read_text(*fields, name);
    RETURN_IF_ERROR(value);
    *field = *std::move(value);
  }
  if (const auto seconds = fields->take("durationSeconds")) {
    const auto value = read_number(fields->path_of("durationSeconds"), *seconds);
    RETURN_IF_ERROR(value);
    row.seconds = *value;
  }
  RETURN_IF_ERROR(fields->finish());
  return row;
}

// The columns; the rows come after it.
Result<Table> read_header(std::string_view line) {
  const auto text = exact_text(line);
  if (!text) return fail_in("table, first line", text.error());
  auto fields = Fields::of("table, first line", *text);
  RETURN_IF_ERROR(fields);
  const auto format = read_text(*fields, "format");
  RETURN_IF_ERROR(format);
  if (*format != kFormat) return bad_field(fields->path_of("format"), fmt::format("must be {}", kFormat));
  auto parameters = read_names(*fields, "parameters", kMaxNames);
  RETURN_IF_ERROR(parameters);
  auto outputs = read_names(*fields, "outputs", kMaxColumns);
  RETURN_IF_ERROR(outputs);
  RETURN_IF_ERROR(fields->finish());
  return Table{*std::move(parameters), *std::move(outputs), {}};
}

std::string_view take_line(std::string_view& rest) {
  const std::size_t end = std::min(rest.find('\n'), rest.size());
  const auto line = rest.substr(0, end);
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return line;
}

}  // namespace

std::string to_json_lines(const Table& table) {
  std::string out;
  for (const auto& row : table.rows) add_row(out, table, row);
  return out;
}

std::string encode_table(const Table& table) {
  std::string header = "{";
  append_member(header, "format", json_string(kFormat));
  append_member(header, "parameters", list_of(table.parameters));
  append_member(header, "outputs", list_of(table.outputs));
  return header + "}\n" + to_json_lines(table);
}

std::size_t memory_of(const Table& table) {
  std::size_t bytes = sizeof(Table);
  const auto add = [&bytes](const std::vector<std::string>& texts) {
    for (const auto& text : texts) bytes += sizeof(std::string) + text.size();
  };
  add(table.parameters);
  add(table.outputs);
  for (const auto& row : table.rows) {
    bytes += sizeof(Row) + row.reason.size() + row.message.size() + row.run.size();
    add(row.parameters);
    add(row.outputs);
  }
  return bytes;
}

Result<Table> decode_table(std::string_view text, const AdmitTable& admit) {
  if (text.size() > kMaxTableBytes) {
    return fail(ErrorKind::kTooLarge, "table: has {} bytes, where at most {} are allowed", text.size(), kMaxTableBytes);
  }
  const std::size_t whole = text.size();
  auto table = read_header(take_line(text));
  RETURN_IF_ERROR(table);
  const auto lines = static_cast<std::size_t>(std::ranges::count(text, '\n')) + 1;
  const auto rows = std::min<std::size_t>(lines, kMaxPoints);
  const auto names = table->parameters.size() + table->outputs.size();
  if (admit) RETURN_IF_ERROR(admit(2 * whole + rows * (sizeof(Row) + names * sizeof(std::string))));
  table->rows.reserve(rows);
  while (!text.empty()) {
    if (table->rows.size() == kMaxPoints) {
      return fail(ErrorKind::kTooLarge, "table: has more than {} rows", kMaxPoints);
    }
    auto row = read_row(take_line(text), *table);
    RETURN_IF_ERROR(row);
    table->rows.push_back(*std::move(row));
  }
  return table;
}

Result<PackedDocument> pack_table(const Table& table, std::size_t part_bytes) {
  const std::string document = encode_table(table);
  if (document.size() > kMaxTableBytes) {
    return fail(ErrorKind::kTooLarge,
                "the table has {} bytes as JSON Lines, where at most {} are kept: name fewer or smaller outputs in "
                "spec.outputs",
                document.size(), kMaxTableBytes);
  }
  return pack_document(document, part_bytes);
}

Result<Table> unpack_table(std::span<const std::string> parts, std::string_view sha256, std::uint64_t bytes,
                           const AdmitTable& admit) {
  const auto document = unpack_document(parts, sha256, bytes, kMaxTableBytes);
  if (!document) return fail_in("table", document.error());
  return decode_table(*document, admit);
}

}  // namespace modelrun::sweep
