// The routes of the gateway as labels of metrics. Pure.
#pragma once

#include <string>
#include <string_view>

namespace modelrun::gateway {

// Where clients learn how to log in (RFC 9728).
inline constexpr std::string_view kMetadataPath = "/.well-known/oauth-protected-resource";

// The route of `path` as a metric label. The set of values is small and fixed, so that no request can add a time
// series.
std::string route_label(const std::string& path);

}  // namespace modelrun::gateway
