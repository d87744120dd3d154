#include "source/url.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>

#include "base/text.h"

namespace modelrun::source {
namespace {

constexpr std::size_t kMaxUrlBytes = 2048;

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_alnum(char c) {
  return is_digit(c) || (lower_case(c) >= 'a' && lower_case(c) <= 'z');
}

std::uint16_t default_port(Scheme scheme) {
  switch (scheme) {
    case Scheme::kHttps:
      return 443;
    case Scheme::kHttp:
      return 80;
    case Scheme::kFile:
      break;
  }
  return 0;
}

bool is_ipv4(const std::string& host) {
  in_addr address{};
  return inet_pton(AF_INET, host.c_str(), &address) == 1;
}
bool is_ipv6(const std::string& host) {
  in6_addr address{};
  return inet_pton(AF_INET6, host.c_str(), &address) == 1;
}

// True for a host name in the syntax of DNS whose last part is not a number. Some libraries read a name that ends with
// a number as an IPv4 address in an unusual form (2130706433, 0x7f.1, 127.1), and others as a name.
bool is_dns_name(std::string_view host) {
  if (host.empty() || host.size() > 253) return false;
  std::string_view last;
  for (std::size_t begin = 0; begin <= host.size();) {
    const std::size_t end = std::min(host.find('.', begin), host.size());
    last = host.substr(begin, end - begin);
    if (last.empty() || last.size() > 63 || last.front() == '-' || last.back() == '-') return false;
    if (!std::ranges::all_of(last, [](char c) { return is_alnum(c) || c == '-' || c == '_'; })) return false;
    begin = end + 1;
  }
  return !std::ranges::all_of(last, is_digit) && !last.starts_with("0x");
}

std::string_view fault_of_characters(std::string_view text) {
  if (text.empty()) return "is empty";
  if (text.size() > kMaxUrlBytes) return "is longer than 2048 bytes";
  const auto odd = [](char c) { return c <= 0x20 || c >= 0x7f || c == '#' || c == '?' || c == '\\'; };
  if (std::ranges::any_of(text, odd)) return "holds a space, a control or non-ASCII character, '#', '?' or a backslash";
  return {};
}

// True for an escape that decodes to a control character, or that is malformed. git decodes escapes when it passes a
// URL to its helpers, where "%0a" becomes a line break (CVE-2020-5260).
bool has_escaped_control(std::string_view path) {
  const auto decoded = percent_decoded(path);
  return !decoded || has_control(*decoded);
}

Result<Scheme> parse_scheme(std::string_view text, const Policy& policy) {
  const std::size_t end = text.find("://");
  const auto scheme = ascii_lower(text.substr(0, end == std::string_view::npos ? 0 : end));
  if (scheme == "https") return Scheme::kHttps;
  if (scheme == "http" && policy.allow_http) return Scheme::kHttp;
  if (scheme == "file" && policy.allow_file) return Scheme::kFile;
  const bool scp_like = scheme.empty() && text.find(':') != std::string_view::npos;
  if (scheme == "ssh" || scheme == "git+ssh" || scp_like) {
    return fail(ErrorKind::kDenied, "git over ssh is not supported yet: give an https:// URL");
  }
  if (scheme == "http" || scheme == "file") {
    return fail(ErrorKind::kDenied, "{}:// sources are switched off by the operator: give an https:// URL", scheme);
  }
  return fail(ErrorKind::kDenied, "the source's URL must begin with https://");
}

Result<std::uint16_t> parse_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc{} || end != text.data() + text.size() || port == 0) {
    return fail(ErrorKind::kDenied, "the port in the source's URL is not a number from 1 to 65535");
  }
  return port;
}

Result<void> parse_authority(std::string_view authority, GitUrl& url) {
  if (authority.find('@') != std::string_view::npos) {
    return fail(ErrorKind::kDenied, "a user name or password in the source's URL is refused: put it in a Secret");
  }
  const bool bracketed = authority.starts_with('[');
  const std::size_t host_end = bracketed ? authority.find(']') : std::min(authority.find(':'), authority.size());
  if (host_end == std::string_view::npos) return fail(ErrorKind::kDenied, "the source's URL has no valid host");
  url.host = ascii_lower(authority.substr(bracketed ? 1 : 0, host_end - (bracketed ? 1 : 0)));
  const bool valid = bracketed ? is_ipv6(url.host) : is_ipv4(url.host) || is_dns_name(url.host);
  if (!valid) return fail(ErrorKind::kDenied, "the source's URL has no valid host");

  const std::string_view rest = authority.substr(host_end + (bracketed ? 1 : 0));
  url.port = default_port(url.scheme);
  if (rest.empty()) return {};
  if (rest.front() != ':') return fail(ErrorKind::kDenied, "the source's URL has no valid host");
  const auto port = parse_port(rest.substr(1));
  RETURN_IF_ERROR(port);
  url.port = *port;
  return {};
}

bool has_dot_segment(std::string_view path) {
  return path.find("/../") != std::string_view::npos || path.ends_with("/..") ||
         path.find("/./") != std::string_view::npos || path.ends_with("/.");
}

}  // namespace

std::string_view to_string(Scheme scheme) {
  switch (scheme) {
    case Scheme::kHttps:
      return "https";
    case Scheme::kHttp:
      return "http";
    case Scheme::kFile:
      return "file";
  }
  return "https";
}

std::string GitUrl::bracketed_host() const {
  return host.find(':') == std::string::npos ? host : fmt::format("[{}]", host);
}

std::string GitUrl::origin() const {
  return fmt::format("{}://{}:{}", to_string(scheme), bracketed_host(), port);
}

std::string GitUrl::text() const {
  if (scheme == Scheme::kFile) return "file://" + path;
  const std::string shown_port = port == default_port(scheme) ? "" : fmt::format(":{}", port);
  return fmt::format("{}://{}{}{}", to_string(scheme), bracketed_host(), shown_port, path);
}

Result<GitUrl> parse_git_url(std::string_view text, const Policy& policy) {
  if (const auto fault = fault_of_characters(text); !fault.empty()) {
    return fail(ErrorKind::kDenied, "the source's URL {}", fault);
  }
  const auto scheme = parse_scheme(text, policy);
  RETURN_IF_ERROR(scheme);
  GitUrl url;
  url.scheme = *scheme;
  const std::string_view rest = text.substr(text.find("://") + 3);
  const std::size_t slash = std::min(rest.find('/'), rest.size());
  url.path = rest.substr(slash);
  if (url.path.size() < 2) return fail(ErrorKind::kDenied, "the source's URL names no repository");
  if (has_escaped_control(url.path) || has_dot_segment(url.path)) {
    return fail(ErrorKind::kDenied, "the path of the source's URL holds '.', '..' or an escape that is not allowed");
  }
  if (url.scheme == Scheme::kFile) {
    if (slash != 0) return fail(ErrorKind::kDenied, "a file:// URL has no host: write file:///path");
    return url;
  }
  RETURN_IF_ERROR(parse_authority(rest.substr(0, slash), url));
  return url;
}

}  // namespace modelrun::source
