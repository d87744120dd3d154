// OpenID Connect Discovery: finds the URL of an issuer's keys from the issuer's URL. All functions are pure.
// Source: OpenID Connect Discovery 1.0, section 4
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"

namespace modelrun::gateway {

inline constexpr std::string_view kHttps = "https://";

// True for "https://host[:port][/path[?query]]" in printable ASCII, without credentials or a fragment. Does not check
// that the host and the port are well-formed.
bool is_https_url(std::string_view url);

// The URL of the issuer's discovery document: the issuer without a final '/', and the well-known path.
// REQUIRES: is_https_url(issuer).
std::string discovery_url(std::string_view issuer);

// Returns the `jwks_uri` of a discovery document. Fails with kInvalid if the document is not valid JSON, if its
// `issuer` does not equal `issuer` character by character, or if its `jwks_uri` is no https URL.
Result<std::string> jwks_url_of(std::string_view document, std::string_view issuer);

}  // namespace modelrun::gateway
