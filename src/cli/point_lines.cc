#include "cli/point_lines.h"

#include <algorithm>

#include "api/json_access.h"

namespace modelrun::cli {
namespace {

void put(std::string& line, std::string_view name, const std::string& value) {
  line += fmt::format("{}\"{}\":{}", line.size() == 1 ? "" : ",", name, value);
}

void put_words(std::string& line, std::string_view name, const std::string& words) {
  if (!words.empty()) put(line, name, api::json_text(words));
}

}  // namespace

std::string point_lines(const api::ModelRun& run, const std::vector<api::PointRow>& rows) {
  const auto points = run.spec.points ? run.spec.points->parse() : nlohmann::json::array();
  std::string text;
  for (const auto& row : rows) {
    std::string line = "{";
    put(line, "point", std::to_string(row.point));
    if (std::cmp_less(row.point, points.size())) {
      put(line, "parameters", api::json_text(points[static_cast<std::size_t>(row.point)]));
    }
    put_words(line, "phase", std::string(to_string(row.phase)));
    if (row.outputs) put(line, "outputs", row.outputs->text());
    if (row.exit_code) put(line, "exitCode", std::to_string(*row.exit_code));
    put(line, "milliseconds", std::to_string(row.milliseconds));
    put_words(line, "reason", row.reason);
    put_words(line, "message", row.message);
    put_words(line, "stderr", row.err);
    put_words(line, "warning", row.warning);
    text += line + "}\n";
  }
  return text;
}

std::string array_of_lines(std::string_view lines) {
  std::string text = "[";
  while (!lines.empty()) {
    const auto end = std::min(lines.find('\n'), lines.size());
    text.append(text.size() == 1 ? "\n" : ",\n").append(lines.substr(0, end));
    lines.remove_prefix(std::min(end + 1, lines.size()));
  }
  return text + "\n]\n";
}

}  // namespace modelrun::cli
