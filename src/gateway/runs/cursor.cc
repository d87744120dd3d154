#include "gateway/runs/cursor.h"

#include <fmt/format.h>

#include <algorithm>

#include "api/json_access.h"
#include "api/strict_json.h"
#include "base/encoding.h"

namespace modelrun::gateway {
namespace {

using nlohmann::json;

constexpr const char* kKind = "k";

}  // namespace

Error bad_cursor(std::string_view why) {
  return {ErrorKind::kInvalid, fmt::format("cursor: {}; leave it out to begin anew", why)};
}

std::string encode_cursor(std::string_view kind, const json& place) {
  json whole = place;
  whole[kKind] = kind;
  // The alphabet for URLs (RFC 4648, section 5), as a cursor stands in the query of plain HTTP.
  auto text = base64_encode(api::json_text(whole));
  std::ranges::replace(text, '+', '-');
  std::ranges::replace(text, '/', '_');
  text.erase(text.find_last_not_of('=') + 1);
  return text;
}

Result<json> decode_cursor(std::string_view kind, std::string_view cursor) {
  const Error unknown = bad_cursor("it is not one that this list has answered");
  const auto listed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  };
  if (cursor.size() > kMaxCursorBytes || !std::ranges::all_of(cursor, listed)) return std::unexpected(unknown);
  std::string text(cursor);
  std::ranges::replace(text, '-', '+');
  std::ranges::replace(text, '_', '/');
  text.append((4 - text.size() % 4) % 4, '=');
  const auto bytes = base64_decode(text);
  if (!bytes) return std::unexpected(unknown);
  auto place = api::parse_strict(*bytes);
  if (!place || !place->is_object() || api::text_at(*place, kKind) != kind) return std::unexpected(unknown);
  if (encode_cursor(kind, *place) != cursor) return std::unexpected(unknown);
  return std::move(*place);
}

}  // namespace modelrun::gateway
