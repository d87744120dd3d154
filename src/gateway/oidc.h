// OpenID Connect Discovery: from an issuer's URL to that of its keys. Pure.
// Source: OpenID Connect Discovery 1.0, section 4
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"

namespace modelrun::gateway {

// "https://host[:port][/path][?query]", in printable ASCII, without credentials or a fragment.
bool is_https_url(std::string_view url);

// Where the issuer says what it has. REQUIRES: is_https_url(issuer).
std::string discovery_url(std::string_view issuer);

// The jwks_uri of a discovery document. kInvalid: it is no such document, it is another issuer's (to the letter), or
// the keys are not to be had by https.
Result<std::string> jwks_url_of(std::string_view document, std::string_view issuer);

}  // namespace modelrun::gateway
