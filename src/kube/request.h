// API requests as plain values. Builders are pure: they name the method, the URL and the body, and send nothing.
// Source: https://kubernetes.io/docs/reference/using-api/api-concepts/
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "kube/json.h"
#include "kube/resource.h"

namespace modelrun::kube {

enum class Method { kGet, kPost, kPut, kPatch, kDelete };

std::string_view to_string(Method method);

// Members begin as {} so that designated initialisers may leave them out without a warning.
struct Request {
  Method method = Method::kGet;
  std::string path{};  // with the query, percent-encoded; begins with '/'
  std::string body{};
  std::string content_type{};  // empty without a body
  std::string accept = "application/json";
  // For the whole exchange; a stream has an idle time-out instead.
  std::chrono::milliseconds timeout{30'000};
};

struct Response {
  int status = 0;
  std::string body{};
  std::optional<std::chrono::seconds> retry_after{};

  [[nodiscard]] bool ok() const { return status >= 200 && status < 300; }
};

// Empty strings and zeros are left out of the query.
struct ListOptions {
  std::string namespace_{};  // empty: all namespaces
  std::string label_selector{};
  std::string field_selector{};
  int limit = 0;
  std::string continue_token{};
  std::string resource_version{};
  std::string resource_version_match{};  // "Exact" or "NotOlderThan"
};

struct WatchOptions {
  std::string namespace_{};  // empty: all namespaces
  std::string label_selector{};
  std::string field_selector{};
  std::string resource_version{};
  std::chrono::seconds timeout{0};  // the server ends the watch after this long
  bool allow_bookmarks = true;
};

enum class Propagation { kDefault, kBackground, kForeground, kOrphan };

struct DeleteOptions {
  // Preconditions: the server answers 409 when the object is another one.
  std::string uid{};
  std::string resource_version{};
  Propagation propagation = Propagation::kBackground;
  std::optional<int> grace_seconds{};
};

struct LogOptions {
  std::string container{};
  std::int64_t tail_lines = -1;   // -1: all
  std::int64_t limit_bytes = -1;  // -1: no limit
  bool previous = false;
  bool follow = false;
};

enum class PatchType { kJson, kMerge, kApply };

struct PatchOptions {
  std::string_view subresource{};    // "status" or ""
  std::string_view field_manager{};  // required for kApply
  bool force = false;                // kApply: take fields over from other managers
};

// "name" is escaped. A cluster-wide resource ignores `namespace_`.
Request get_request(const Resource& resource, std::string_view namespace_, std::string_view name);
Request list_request(const Resource& resource, const ListOptions& options);
Request watch_request(const Resource& resource, const WatchOptions& options);
// The object's own metadata.namespace says where. `object` must hold metadata; apiVersion and kind are filled in.
Request create_request(const Resource& resource, const Json& object);
// Names, namespace and resourceVersion come from the object's metadata.
Request replace_request(const Resource& resource, const Json& object);
Request replace_status_request(const Resource& resource, const Json& object);
Request patch_request(const Resource& resource, std::string_view namespace_, std::string_view name, PatchType type,
                      const Json& patch, const PatchOptions& options = {});
Request delete_request(const Resource& resource, std::string_view namespace_, std::string_view name,
                       const DeleteOptions& options = {});
Request pod_log_request(std::string_view namespace_, std::string_view pod, const LogOptions& options);

// RFC 3986 section 2.3: everything but unreserved characters is escaped.
std::string percent_encode(std::string_view text);

}  // namespace modelrun::kube
