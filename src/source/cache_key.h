// What makes two requests for a remote the same one.
#pragma once

#include <string>
#include <string_view>

#include "source/remote.h"

namespace modelrun::source {

// 64 hex digits over URL, identity, authority and the credentials themselves: should a caller forget to change
// cache_identity, other credentials still never hit what these have fetched. `what`: the rest of the question.
std::string cache_key(const Remote& remote, std::string_view url, std::string_view what);

}  // namespace modelrun::source
