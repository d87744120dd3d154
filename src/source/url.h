// Git URLs: what may be given to git at all. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"
#include "source/remote.h"

namespace modelrun::source {

enum class Scheme { kHttps, kHttp, kFile };
std::string_view to_string(Scheme scheme);

// A URL that passed parse_git_url. For kFile host is empty and port 0.
struct GitUrl {
  Scheme scheme = Scheme::kHttps;
  std::string host;  // lower case; an IPv6 address without its brackets
  std::uint16_t port = 0;
  std::string path;  // begins with '/'

  // As git gets it: always with the port when it is not the scheme's own, so that equal URLs have equal text.
  [[nodiscard]] std::string text() const;
  // "https://host:port", the scope of the credentials.
  [[nodiscard]] std::string origin() const;
  // The host as it stands in a URL: an IPv6 address in brackets.
  [[nodiscard]] std::string bracketed_host() const;
};

// kDenied, with a sentence for the author of the ModelProject, for everything that policy does not allow: other schemes
// (ssh, scp-like, ext, git, …), user names or passwords in the URL, control characters, spaces, '#' and '?',
// hosts that look like numbers but are no plain IPv4 address. Reads only the three allow_ flags of `policy`.
Result<GitUrl> parse_git_url(std::string_view text, const Policy& policy);

}  // namespace modelrun::source
