// Represents requests to the Kubernetes API as plain values. The builders are pure functions: they fill in the
// method, the path and the body, and send nothing.
// Source: https://kubernetes.io/docs/reference/using-api/api-concepts/
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "kube/json.h"
#include "kube/resource.h"

namespace modelrun::api {
struct ObjectMeta;
}

namespace modelrun::kube {

enum class Method { kGet, kPost, kPut, kPatch, kDelete };

std::string_view to_string(Method method);

// In these structs, members have {} so that designated initialisers may leave them out without a compiler warning.
struct Request {
  Method method = Method::kGet;
  std::string path{};  // begins with '/', includes the query, and is percent-encoded
  std::string body{};
  std::string content_type{};  // empty when there is no body
  std::string accept = "application/json";
  // For the whole exchange. A stream ignores it and has an idle time-out instead.
  std::chrono::milliseconds timeout{30'000};
  // Of the answer's body, unless it is streamed; an answer with more is kTooLarge.
  std::size_t max_body_bytes = std::size_t{64} << 20U;
  // Further fields of the head, besides those of kube::Config. Names and values must be what RFC 9110 allows.
  std::vector<std::pair<std::string, std::string>> headers{};
};

struct Response {
  int status = 0;
  std::string body{};
  std::optional<std::chrono::seconds> retry_after{};  // of the header Retry-After, when it is a number of seconds

  [[nodiscard]] bool ok() const { return status >= 200 && status < 300; }
};

// Empty strings and a `limit` of 0 are left out of the query.
struct ListOptions {
  std::string namespace_{};  // empty: all namespaces
  std::string label_selector{};
  std::string field_selector{};
  int limit = 0;  // items in a page; 0: all items in one page
  std::string continue_token{};
  std::string resource_version{};
  std::string resource_version_match{};  // "Exact" or "NotOlderThan"
  bool metadata_only = false;            // items have apiVersion, kind and metadata only (PartialObjectMetadata)
};

struct WatchOptions {
  std::string namespace_{};  // empty: all namespaces
  std::string label_selector{};
  std::string field_selector{};
  std::string resource_version{};   // events after this version
  std::chrono::seconds timeout{0};  // the server ends the watch after this long; 0: the server chooses
  bool allow_bookmarks = true;
};

// What happens to the dependents of a deleted object; kDefault leaves it to the resource's default.
enum class Propagation { kDefault, kBackground, kForeground, kOrphan };

struct DeleteOptions {
  // Preconditions, not sent when empty: the server answers 409 when the object has another UID or resourceVersion.
  std::string uid{};
  std::string resource_version{};
  Propagation propagation = Propagation::kBackground;
  std::optional<int> grace_seconds{};  // nullopt: the object's own grace period
};

struct LogOptions {
  std::string container{};        // may be empty when the pod has only one
  std::int64_t tail_lines = -1;   // -1: all
  std::int64_t limit_bytes = -1;  // -1: no limit
  bool previous = false;          // the log of the container's previous instance
  bool follow = false;            // keep the answer open until the container ends
  // Only what was printed in the last so many seconds; nullopt: all.
  std::optional<std::int64_t> since_seconds{};
  bool timestamps = false;  // each line begins with its time (RFC 3339) and a space
};

// JSON Patch (RFC 6902), JSON Merge Patch (RFC 7386), and server-side apply.
enum class PatchType { kJson, kMerge, kApply };

struct PatchOptions {
  std::string_view subresource{};    // "status" or ""
  std::string_view field_manager{};  // required for kApply
  bool force = false;                // kApply only: take over fields that other managers own
};

// An object to be written, as the text that is sent: what it needs as objects can be given back before the request.
struct ObjectText {
  std::string namespace_;  // empty: cluster-wide
  std::string name;        // with generateName, the prefix and '*'; "?" if the object has neither
  std::string text;
};
// `object` must be a JSON object. When apiVersion or kind is missing, both are set from `resource`.
ObjectText object_text(const Resource& resource, const Json& object);
// What replace_status_request() needs to replace the status of the object with this metadata; see api::status_update().
ObjectText status_text(const Resource& resource, const api::ObjectMeta& meta, Json status);

// In all builders, names and namespaces are percent-encoded, and a cluster-wide resource ignores the namespace.
Request get_request(const Resource& resource, std::string_view namespace_, std::string_view name);
Request list_request(const Resource& resource, const ListOptions& options);
Request watch_request(const Resource& resource, const WatchOptions& options);
Request create_request(const Resource& resource, ObjectText object);
// A metadata.resourceVersion makes the server answer 409 when the object has changed since.
Request replace_request(const Resource& resource, ObjectText object);
Request replace_status_request(const Resource& resource, ObjectText object);
// For kApply, apiVersion and kind are filled in as by object_text().
Request patch_request(const Resource& resource, std::string_view namespace_, std::string_view name, PatchType type,
                      const Json& patch, const PatchOptions& options = {});
Request delete_request(const Resource& resource, std::string_view namespace_, std::string_view name,
                       const DeleteOptions& options = {});
Request pod_log_request(std::string_view namespace_, std::string_view pod, const LogOptions& options);
// A GET that the API server passes on to a port of a pod or of a Service (`resource`) and answers with what came back.
// `target` is "NAME:PORT", or "https:NAME:PORT" if TLS is spoken there, whose certificate the API server does not
// check. `path` begins with '/' and is sent as it is. Of the answer at most 4 MiB are read.
Request proxy_request(const Resource& resource, std::string_view namespace_, std::string_view target,
                      std::string_view path);

// Percent-encodes every byte that is not an unreserved character of RFC 3986 section 2.3; '/' is encoded too.
std::string percent_encode(std::string_view text);

}  // namespace modelrun::kube
