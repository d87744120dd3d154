#include "cli/parameters.h"

#include <set>

#include "api/json_access.h"
#include "api/points.h"
#include "api/strict_json.h"

namespace modelrun::cli {
namespace {

using nlohmann::json;

constexpr std::size_t kLimit = 64 * 1024;

// Whether all that keeps `text` from being JSON is a number that no double holds. (What only begins with one is text.)
bool is_overflow(const Error& error, std::string_view text) {
  if (error.message.find(api::kOverflows) == std::string::npos) return false;
  return text.find_first_of("[{") == 0 || text.find_first_not_of("0123456789+-.eE \t") == std::string_view::npos;
}

}  // namespace

Result<json> parse_value(std::string_view option, std::string_view key, std::string_view text) {
  auto value = api::parse_strict(text);
  if (value) return value;
  // The text is JSON, or a number that no double holds, but the API server would not keep it as it is. Taking it as a
  // string would surprise the user.
  if (json::accept(text) || is_overflow(value.error(), text)) {
    return fail(ErrorKind::kInvalid, "{} {}: {}; for text write '{}=\"...\"'", option, key, value.error().message, key);
  }
  return json(std::string(text));
}

Result<json> parse_parameters_file(std::string_view what, std::string_view text) {
  auto value = api::parse_strict(text);
  if (!value) return fail_in(what, value.error());
  if (!value->is_object()) {
    return fail(ErrorKind::kInvalid, "{}: parameters are a JSON object, such as {{\"rate\": 0.05}}, not {}", what,
                value->type_name());
  }
  return value;
}

Result<json> parse_points_file(std::string_view what, std::string_view text) {
  json points = json::array();
  if (const auto first = text.find_first_not_of(" \t\r\n"); first != std::string_view::npos && text[first] == '[') {
    auto value = api::parse_strict(text);
    if (!value) return fail_in(what, value.error());
    points = std::move(*value);
  } else {
    for (std::size_t line = 1; !text.empty(); ++line) {
      const auto end = std::min(text.find('\n'), text.size());
      if (text.substr(0, end).find_first_not_of(" \t\r") != std::string_view::npos) {
        auto value = api::parse_strict(text.substr(0, end));
        if (!value) return fail_in(fmt::format("{}, line {}", what, line), value.error());
        points.push_back(std::move(*value));
      }
      text.remove_prefix(std::min(end + 1, text.size()));
    }
  }
  for (std::size_t i = 0; i < points.size(); ++i) {
    if (points[i].is_object()) continue;
    return fail(ErrorKind::kInvalid,
                "{}: point {} is a {}; each point is a JSON object, the parameters of one execution", what, i,
                points[i].type_name());
  }
  if (points.empty()) return fail(ErrorKind::kInvalid, "{}: there is no point in it", what);
  const auto size = api::json_text(points).size();
  if (points.size() > api::kMaxPoints || size > api::kMaxPointsBytes) {
    return fail(ErrorKind::kTooLarge, "{}: {} points of {} bytes together; one run takes {} points and {} bytes", what,
                points.size(), size, api::kMaxPoints, api::kMaxPointsBytes);
  }
  return points;
}

Result<std::optional<json>> merge_parameters(std::optional<json> base, const std::vector<std::string>& pairs) {
  if (pairs.empty() && !base) return std::optional<json>{};
  json merged = base ? std::move(*base) : json::object();
  std::set<std::string> seen;
  for (const auto& pair : pairs) {
    const auto equal = pair.find('=');
    if (equal == std::string::npos || equal == 0) {
      return fail(ErrorKind::kInvalid, "--param '{}': write it as name=value", pair);
    }
    const std::string key = pair.substr(0, equal);
    if (!seen.insert(key).second) return fail(ErrorKind::kInvalid, "--param {} is given twice", key);
    auto value = parse_value("--param", key, std::string_view(pair).substr(equal + 1));
    RETURN_IF_ERROR(value);
    merged[key] = std::move(*value);
  }
  const std::size_t size = api::json_text(merged).size();
  if (size >= kLimit) {
    return fail(ErrorKind::kTooLarge,
                "the parameters are {} bytes as JSON: they must be smaller than {}; larger data belongs in the "
                "repository or in the project's data",
                size, kLimit);
  }
  return std::optional<json>(std::move(merged));
}

}  // namespace modelrun::cli
