#include "gateway/http/http.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/http_status.h"

namespace modelrun::gateway {
namespace {

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool same(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, {}, lower, lower);
}

std::optional<std::string> decoded(std::string_view text, bool plus_is_space) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '%') {
      unsigned byte = 0;
      if (text.size() - i < 3) return std::nullopt;
      const char* begin = text.data() + i + 1;
      const char* end = begin + 2;
      const auto [at, error] = std::from_chars(begin, end, byte, 16);
      if (error != std::errc{} || at != end) return std::nullopt;
      c = static_cast<char>(byte);
      i += 2;
    } else if (c == '+' && plus_is_space) {
      c = ' ';
    }
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) return std::nullopt;
    out += c;
  }
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
  const auto found = std::ranges::find_if(headers, [&](const auto& each) { return same(each.first, name); });
  return found == headers.end() ? std::nullopt : std::optional<std::string_view>(found->second);
}

std::size_t HttpRequest::count(std::string_view name) const {
  return static_cast<std::size_t>(
      std::ranges::count_if(headers, [&](const auto& each) { return same(each.first, name); }));
}

std::optional<Target> parse_target(std::string_view target) {
  std::string_view authority;
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (!same(target.substr(0, scheme.size()), scheme)) continue;
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
