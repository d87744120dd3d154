#include "kube/point_rows.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "api/json_access.h"
#include "base/encoding.h"

namespace modelrun::kube {
namespace {

constexpr std::string_view kEnding = ".jsonl.gz";

template <class Number>
bool parse_number(std::string_view text, Number& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size();
}

// Two numbers with a '-' between them.
bool parse_key(std::string_view key, RowChunk& chunk) {
  const auto dash = key.find('-');
  if (!key.ends_with(kEnding) || dash == std::string_view::npos) return false;
  key.remove_suffix(kEnding.size());
  return parse_number(key.substr(0, dash), chunk.attempt) && parse_number(key.substr(dash + 1), chunk.first) &&
         chunk.attempt > 0 && chunk.first >= 0;
}

Result<void> read_rows(std::string_view text, RowChunk& chunk) {
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    if (chunk.rows.size() == api::kMaxUnstoredRows) return fail(ErrorKind::kInvalid, "it has too many rows");
    auto row = api::decode_row(text.substr(0, end));
    RETURN_IF_ERROR(row);
    chunk.rows.push_back(*std::move(row));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return {};
}

Result<RowChunk> chunk_of(const std::string& key, const Json& value) {
  RowChunk chunk;
  if (!value.is_string() || !parse_key(key, chunk)) return fail(ErrorKind::kInvalid, "it is no chunk of rows");
  const auto packed = base64_decode(value.get_ref<const std::string&>());
  RETURN_IF_ERROR(packed);
  chunk.bytes = packed->size();
  const auto text = gunzip(*packed, kMaxChunkBytes);
  RETURN_IF_ERROR(text);
  RETURN_IF_ERROR(read_rows(*text, chunk));
  return chunk;
}

}  // namespace

std::string row_key(int attempt, std::int64_t first) {
  return fmt::format("{:06}-{:06}{}", attempt, first, kEnding);
}

std::string pack_rows(const std::vector<std::string>& rows) {
  std::string text;
  for (const auto& row : rows) text.append(row).append("\n");
  return base64_encode(gzip(text));
}

Result<void> visit_chunks(const Json& config_map, const std::function<void(RowChunk)>& visit) {
  const auto& data = api::member(config_map, "binaryData");
  if (!data.is_object()) return {};
  for (const auto& [key, value] : data.items()) {
    auto chunk = chunk_of(key, value);
    if (!chunk) return fail_in(fmt::format("rows of points, {}", key), chunk.error());
    visit(*std::move(chunk));
  }
  return {};
}

Result<void> visit_rows(Client& client, const api::ModelRun& run, const std::function<void(api::PointRow)>& visit,
                        std::stop_token stop) {
  // An attempt begins with the points that have no row. If two rows are of one point, the first one counts.
  std::vector<bool> seen(static_cast<std::size_t>(std::max<std::int64_t>(run.spec.point_count, 0)));
  const auto visit_chunk = [&](RowChunk chunk) {
    for (auto& row : chunk.rows) {
      if (row.point < 0 || std::cmp_greater_equal(row.point, seen.size())) continue;
      const auto point = static_cast<std::size_t>(row.point);
      if (seen[point]) continue;
      seen[point] = true;
      visit(std::move(row));
    }
  };
  for (const auto& name : run.status.points->config_maps) {
    const auto object = client.get(kConfigMaps, run.meta.namespace_, name, stop);
    if (!object) return fail_in("rows of points", object.error());
    if (!api::is_owned_by(api::decode_meta(*object), run.meta)) {
      return fail(ErrorKind::kInvalid, "rows of points: ConfigMap {} is not the run's", name);
    }
    const auto visited = visit_chunks(*object, visit_chunk);
    if (!visited) return fail_in(fmt::format("ConfigMap {}", name), visited.error());
  }
  return {};
}

Result<std::vector<api::PointRow>> load_rows(Client& client, const api::ModelRun& run, std::stop_token stop) {
  std::vector<api::PointRow> rows;
  const auto read =
      visit_rows(client, run, [&](api::PointRow row) { rows.push_back(std::move(row)); }, std::move(stop));
  RETURN_IF_ERROR(read);
  std::ranges::sort(rows, {}, &api::PointRow::point);
  return rows;
}

}  // namespace modelrun::kube
