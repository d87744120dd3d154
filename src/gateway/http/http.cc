#include "gateway/http/http.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/http_status.h"
#include "base/text.h"

namespace modelrun::gateway {
namespace {

// nullopt for an escape that is none, and for what decodes to a control character.
std::optional<std::string> decoded(std::string_view text, bool plus_is_space) {
  std::string raw(text);
  if (plus_is_space) std::ranges::replace(raw, '+', ' ');
  auto out = percent_decoded(raw);
  if (out && has_control(*out)) return std::nullopt;
  return out;
}

}  // namespace

HttpAnswer plain_problem(int status, std::string_view detail) {
  return {.status = status,
          .content_type = "application/problem+json",
          .body = fmt::format(R"({{"type":"about:blank","title":"{}","status":{},"detail":"{}"}})",
                              status_phrase(status), status, detail)};
}

std::optional<std::string_view> HttpRequest::header(std::string_view name) const {
  const auto found =
      std::ranges::find_if(headers, [&](const auto& each) { return equal_ignoring_case(each.first, name); });
  return found == headers.end() ? std::nullopt : std::optional<std::string_view>(found->second);
}

std::size_t HttpRequest::count(std::string_view name) const {
  return static_cast<std::size_t>(
      std::ranges::count_if(headers, [&](const auto& each) { return equal_ignoring_case(each.first, name); }));
}

std::optional<Target> parse_target(std::string_view target) {
  std::string_view authority;
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (!equal_ignoring_case(target.substr(0, scheme.size()), scheme)) continue;
    target.remove_prefix(scheme.size());
    authority = target.substr(0, target.find_first_of("/?"));
    if (authority.empty() || authority.find('@') != std::string_view::npos) return std::nullopt;
    target.remove_prefix(authority.size());
    break;
  }
  const auto mark = target.find('?');
  auto encoded = target.substr(0, mark);
  if (encoded.empty() && !authority.empty()) encoded = "/";  // RFC 9110, section 4.2.3
  if (!encoded.starts_with('/')) return std::nullopt;
  auto path = decoded(encoded, false);
  if (!path) return std::nullopt;
  Target parsed{std::move(*path), {}, std::string(authority)};
  std::string_view rest = mark == std::string_view::npos ? std::string_view{} : target.substr(mark + 1);
  while (!rest.empty()) {
    const auto end = rest.find('&');
    const auto pair = rest.substr(0, end);
    rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end + 1);
    const auto equal = pair.find('=');
    auto name = decoded(pair.substr(0, equal), true);
    auto value = decoded(equal == std::string_view::npos ? std::string_view{} : pair.substr(equal + 1), true);
    if (!name || !value) return std::nullopt;
    parsed.query[std::move(*name)] = std::move(*value);
  }
  return parsed;
}

}  // namespace modelrun::gateway
