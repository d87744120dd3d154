// Defines when two requests for a remote are the same request.
#pragma once

#include <string>
#include <string_view>

#include "source/remote.h"

namespace modelrun::source {

// Returns 64 lower-case hex digits: a SHA-256 digest over `url` (in the form of GitUrl::text()), the remote's
// cache_identity, certificate authority and credentials, and `what`, which says what is asked of the remote (a commit
// or a branch). The credentials are part of the key in case a caller forgets to change cache_identity: a request with
// other credentials never hits what these credentials have fetched. remote.url is not used. Pure.
std::string cache_key(const Remote& remote, std::string_view url, std::string_view what);

}  // namespace modelrun::source
