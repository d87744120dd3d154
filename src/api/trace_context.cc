#include "api/trace_context.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace modelrun::api {

std::optional<TraceContext> parse_traceparent(std::string_view text) {
  constexpr std::string_view kForm = "xx-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx-xxxxxxxxxxxxxxxx-xx";
  constexpr std::uint8_t kKnownFlags = 1;
  // A later version begins as this one does, and may go on after another '-' ("Versioning of traceparent").
  const bool later = text.size() > kForm.size() && text[kForm.size()] == '-' && !text.starts_with("00");
  if (later) text = text.substr(0, kForm.size());
  const bool fits = std::ranges::equal(text, kForm, [](char c, char form) {
    return form == 'x' ? (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') : c == form;
  });
  if (!fits || text.starts_with("ff")) return std::nullopt;
  TraceContext context{.trace_id = std::string(text.substr(3, 32)), .span_id = std::string(text.substr(36, 16))};
  const auto is_zero = [](const std::string& id) { return id.find_first_not_of('0') == std::string::npos; };
  if (is_zero(context.trace_id) || is_zero(context.span_id)) return std::nullopt;
  std::from_chars(text.data() + 53, text.data() + 55, context.flags, 16);
  context.flags &= kKnownFlags;
  return context;
}

std::string format_traceparent(const TraceContext& context) {
  return fmt::format("00-{}-{}-{:02x}", context.trace_id, context.span_id, context.flags);
}

}  // namespace modelrun::api
