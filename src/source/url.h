// Parses git URLs and decides which of them may be given to git. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"
#include "source/remote.h"

namespace modelrun::source {

enum class Scheme { kHttps, kHttp, kFile };
std::string_view to_string(Scheme scheme);

// A URL that parse_git_url() has accepted. For kFile the host is empty and the port is 0.
struct GitUrl {
  Scheme scheme = Scheme::kHttps;
  std::string host;  // lower case; an IPv6 address without its brackets
  std::uint16_t port = 0;
  std::string path;  // begins with '/'

  // The URL as git gets it. It has a port only when that is not the default port of the scheme, so that URLs that
  // differ only in this, or in the case of scheme and host, have equal text.
  [[nodiscard]] std::string text() const;
  // "https://host:port", always with the port. The credentials are sent to this origin only.
  [[nodiscard]] std::string origin() const;
  // The host as it is written in a URL: an IPv6 address is in brackets.
  [[nodiscard]] std::string bracketed_host() const;
};

// Parses `text`. Every error is kDenied, with a sentence for the author of the ModelProject. Refused are: a scheme
// that is not https, or http or file if the policy allows it (so ssh, scp-like, ext, git, …); a user name or password
// in the URL; control characters, spaces, non-ASCII characters, '#', '?' and backslashes; '.' and '..' parts and
// escaped control characters in the path; a URL without a path or of more than 2,048 bytes; and a host that looks like
// a number but is not an IPv4 address in dotted-decimal form. Reads only allow_http and allow_file of `policy`;
// addresses are checked later, by resolve_checked() (address.h).
Result<GitUrl> parse_git_url(std::string_view text, const Policy& policy);

}  // namespace modelrun::source
