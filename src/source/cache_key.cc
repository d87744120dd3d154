#include "source/cache_key.h"

#include <initializer_list>

#include "base/encoding.h"

namespace modelrun::source {
namespace {

// Change this when the contents or the layout of archives change, so that archives of earlier versions are not found.
constexpr std::string_view kFormat = "archive-1";

// Length-prefixes each part, so that different lists of parts cannot give the same text.
std::string joined(std::initializer_list<std::string_view> parts) {
  std::string text;
  for (const std::string_view part : parts) text += fmt::format("{}:{};", part.size(), part);
  return text;
}

std::string text_of(const Credentials& credentials) {
  if (const auto* basic = std::get_if<BasicCredentials>(&credentials)) {
    return joined({"basic", basic->username, basic->password});
  }
  if (const auto* bearer = std::get_if<BearerCredentials>(&credentials)) return joined({"bearer", bearer->token});
  return {};
}

}  // namespace

std::string cache_key(const Remote& remote, std::string_view url, std::string_view what) {
  return sha256_hex(joined({kFormat, url, remote.cache_identity, remote.ca_pem, text_of(remote.credentials), what}));
}

}  // namespace modelrun::source
