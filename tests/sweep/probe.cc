// Answers the questions of tests/sweep/run: a line of JSON on standard input each, a line of JSON on standard output.
//   {"space": TEXT, "parameters": TEXT}       {"names": [...], "points": [TEXT...]} or {"error": TEXT}
//   {"log"|"exp"|"normal": [NUMBER...]}       [NUMBER...]
//   {"summarize": [NUMBER...]}                {"count", "mean", "stddev", "min", "p5", ...}
//   {"correlate": [[NUMBER...], [NUMBER...]]} NUMBER or null
//   {"subtract": [[TEXT, TEXT]...]}           [TEXT...]: the first number less the second
//   {"table": TEXT, "part": NUMBER}           {"csv": TEXT, "lines": TEXT, "parts": [TEXT...]}, of an encoded table
#include <fmt/format.h>

#include <iostream>
#include <nlohmann/json.hpp>
#include <string>

#include "sweep/decimal.h"
#include "sweep/elementary.h"
#include "sweep/space.h"
#include "sweep/statistics.h"
#include "sweep/table.h"

namespace {

using nlohmann::json;
namespace sweep = modelrun::sweep;

json expand(const json& question) {
  const auto space = sweep::decode_space(question["space"].get<std::string>());
  if (!space) return {{"error", space.error().message}};
  const auto points = sweep::expand(*space, question.value("parameters", ""));
  if (!points) return {{"error", points.error().message}};
  json texts = json::array();
  for (const auto& point : points->points) texts.push_back(point.parameters);
  return {{"names", points->names}, {"points", texts}};
}

json each(const json& numbers, double (*function)(double)) {
  json out = json::array();
  for (const auto& number : numbers) out.push_back(function(number.get<double>()));
  return out;
}

json summarize(const json& numbers) {
  std::vector<sweep::Observation> observations;
  for (const auto& number : numbers) observations.push_back({observations.size(), number.get<double>()});
  const auto summary = sweep::summarize(observations);
  if (!summary) return nullptr;
  json out = {{"count", summary->count},
              {"mean", summary->mean},
              {"min", summary->min},
              {"p5", summary->p5},
              {"p50", summary->p50},
              {"p95", summary->p95},
              {"max", summary->max},
              {"stddev", nullptr},
              {"minPoint", summary->min_point},
              {"maxPoint", summary->max_point}};
  if (summary->stddev) out["stddev"] = *summary->stddev;
  return out;
}

json subtract(const json& pairs) {
  json out = json::array();
  for (const auto& pair : pairs) {
    const auto a = sweep::Decimal::parse(pair[0].get<std::string>());
    const auto b = sweep::Decimal::parse(pair[1].get<std::string>());
    out.push_back(a && b ? json((*a - *b).text()) : json(nullptr));
  }
  return out;
}

json table(const json& question) {
  const auto read = sweep::decode_table(question["table"].get<std::string>());
  if (!read) return {{"error", read.error().message}};
  const auto packed = sweep::pack_table(*read, question["part"].get<std::size_t>());
  if (!packed) return {{"error", packed.error().message}};
  return {{"csv", sweep::to_csv(*read)}, {"lines", sweep::to_json_lines(*read)}, {"parts", packed->parts}};
}

json answer(const json& question) {
  if (question.contains("space")) return expand(question);
  if (question.contains("log")) return each(question["log"], sweep::portable_log);
  if (question.contains("exp")) return each(question["exp"], sweep::portable_exp);
  if (question.contains("normal")) return each(question["normal"], sweep::normal_quantile);
  if (question.contains("summarize")) return summarize(question["summarize"]);
  if (question.contains("subtract")) return subtract(question["subtract"]);
  if (question.contains("table")) return table(question);
  if (question.contains("correlate")) {
    const auto& pair = question["correlate"];
    const auto found = sweep::rank_correlation(pair[0].get<std::vector<double>>(), pair[1].get<std::vector<double>>());
    return found ? json(*found) : json(nullptr);
  }
  return {{"error", "no such question"}};
}

}  // namespace

int main() {
  std::string line;
  while (std::getline(std::cin, line)) std::cout << answer(json::parse(line)).dump() << "\n" << std::flush;
  return 0;
}
