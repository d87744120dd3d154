#include "gateway/web/route_label.h"

namespace modelrun::gateway {

std::string route_label(const std::string& path) {
  if (path == "/mcp" || path == "/openapi.json" || path == "/v1/projects" || path == "/v1/comparisons" ||
      path == "/v1/explanations" || path == "/healthz" || path == "/readyz")
    return path;
  if (path == "/" || path.starts_with("/page/")) return "page";
  if (path.starts_with("/v1/runs")) {
    if (path.ends_with("/log")) return "/v1/runs/{id}/log";
    if (path.ends_with("/logs")) return "/v1/runs/{id}/logs";
    if (path.ends_with("/details")) return "/v1/runs/{id}/details";
    if (path.ends_with("/cancel")) return "/v1/runs/{id}/cancel";
    if (path.find("/outputs/") != std::string::npos) return "/v1/runs/{id}/outputs/{name}";
    if (path.find("/artifacts/") != std::string::npos) return "/v1/runs/{id}/artifacts/{name}";
    return path == "/v1/runs" ? path : "/v1/runs/{id}";
  }
  if (path.starts_with("/v1/sweeps")) {
    if (path.ends_with("/table")) return "/v1/sweeps/{id}/table";
    if (path.ends_with("/cancel")) return "/v1/sweeps/{id}/cancel";
    return path == "/v1/sweeps" ? path : "/v1/sweeps/{id}";
  }
  return path.starts_with(kMetadataPath) ? std::string(kMetadataPath) : "other";
}

}  // namespace modelrun::gateway
