#include "api/trace_context.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace modelrun::api {

std::optional<TraceContext> parse_traceparent(std::string_view text) {
  constexpr std::string_view kForm = "00-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx-xxxxxxxxxxxxxxxx-xx";
  const bool fits = std::ranges::equal(text, kForm, [](char c, char form) {
    return form == 'x' ? (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') : c == form;
  });
  if (!fits) return std::nullopt;
  TraceContext context{.trace_id = std::string(text.substr(3, 32)), .span_id = std::string(text.substr(36, 16))};
  const auto is_zero = [](const std::string& id) { return id.find_first_not_of('0') == std::string::npos; };
  if (is_zero(context.trace_id) || is_zero(context.span_id)) return std::nullopt;
  std::from_chars(text.data() + 53, text.data() + 55, context.flags, 16);
  return context;
}

std::string format_traceparent(const TraceContext& context) {
  return fmt::format("00-{}-{}-{:02x}", context.trace_id, context.span_id, context.flags);
}

}  // namespace modelrun::api
