#include "kube/request.h"

#include "api/json_access.h"
#include "api/model_run.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

namespace modelrun::kube {
namespace {

// Appends "?key=value&…" to a path; parameters with an empty value are left out.
class Query {
 public:
  explicit Query(std::string path) : path_(std::move(path)) {}
  Query& add(std::string_view key, std::string_view value) {
    if (value.empty()) return *this;
    path_ += separator_;
    path_ += key;
    path_ += '=';
    path_ += percent_encode(value);
    separator_ = '&';
    return *this;
  }
  std::string take() { return std::move(path_); }

 private:
  std::string path_;
  char separator_ = '?';
};

std::string collection_path(const Resource& resource, std::string_view namespace_) {
  std::string path = resource.group.empty() ? fmt::format("/api/{}", resource.version)
                                            : fmt::format("/apis/{}/{}", resource.group, resource.version);
  if (resource.namespaced && !namespace_.empty()) path += "/namespaces/" + percent_encode(namespace_);
  path += '/';
  path += resource.plural;
  return path;
}

std::string object_path(const Resource& resource, std::string_view namespace_, std::string_view name) {
  return collection_path(resource, namespace_) + '/' + percent_encode(name);
}

std::string name_of(const Json& metadata) {
  std::string name = api::text_at(metadata, "name");
  if (name.empty()) name = api::text_at(metadata, "generateName") + "*";
  return name;
}

// Replaces bytes that are not UTF-8 by U+FFFD: Json::dump() would throw on them, and the server would refuse them.
std::string dump(const Json& value) {
  return api::json_text(value);
}

std::string body_of(const Resource& resource, const Json& object) {
  if (object.contains("apiVersion") && object.contains("kind")) return dump(object);
  Json whole = object;
  whole["apiVersion"] =
      resource.group.empty() ? std::string{resource.version} : fmt::format("{}/{}", resource.group, resource.version);
  whole["kind"] = resource.kind;
  return dump(whole);
}

Request with_body(Method method, std::string path, std::string body, std::string content_type = "application/json") {
  return {.method = method, .path = std::move(path), .body = std::move(body), .content_type = std::move(content_type)};
}

Request without_body(std::string path) {
  return {.method = Method::kGet, .path = std::move(path)};
}

std::string_view content_type(PatchType type) {
  switch (type) {
    case PatchType::kJson:
      return "application/json-patch+json";
    case PatchType::kMerge:
      return "application/merge-patch+json";
    case PatchType::kApply:
      return "application/apply-patch+yaml";
  }
  return "";
}

std::string_view propagation_policy(Propagation propagation) {
  switch (propagation) {
    case Propagation::kDefault:
      return "";
    case Propagation::kBackground:
      return "Background";
    case Propagation::kForeground:
      return "Foreground";
    case Propagation::kOrphan:
      return "Orphan";
  }
  return "";
}

Request replace_at(const Resource& resource, ObjectText object, std::string_view subresource) {
  std::string path = object_path(resource, object.namespace_, object.name);
  path += subresource;
  return with_body(Method::kPut, std::move(path), std::move(object.text));
}

}  // namespace

std::string_view to_string(Method method) {
  switch (method) {
    case Method::kGet:
      return "GET";
    case Method::kPost:
      return "POST";
    case Method::kPut:
      return "PUT";
    case Method::kPatch:
      return "PATCH";
    case Method::kDelete:
      return "DELETE";
  }
  return "";
}

std::string percent_encode(std::string_view text) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string encoded;
  encoded.reserve(text.size());
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool unreserved = (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z') ||
                            (byte >= '0' && byte <= '9') || byte == '-' || byte == '.' || byte == '_' || byte == '~';
    if (unreserved) {
      encoded += c;
    } else {
      encoded += '%';
      encoded += kHex[byte >> 4U];
      encoded += kHex[byte & 15U];
    }
  }
  return encoded;
}

Request get_request(const Resource& resource, std::string_view namespace_, std::string_view name) {
  return without_body(object_path(resource, namespace_, name));
}

Request list_request(const Resource& resource, const ListOptions& options) {
  Query query(collection_path(resource, options.namespace_));
  query.add("labelSelector", options.label_selector)
      .add("fieldSelector", options.field_selector)
      .add("limit", options.limit > 0 ? std::to_string(options.limit) : "")
      .add("continue", options.continue_token)
      .add("resourceVersion", options.resource_version)
      .add("resourceVersionMatch", options.resource_version_match);
  auto request = without_body(query.take());
  if (options.metadata_only) request.accept = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";
  return request;
}

Request watch_request(const Resource& resource, const WatchOptions& options) {
  Query query(collection_path(resource, options.namespace_));
  query.add("watch", "true")
      .add("allowWatchBookmarks", options.allow_bookmarks ? "true" : "")
      .add("resourceVersion", options.resource_version)
      .add("timeoutSeconds", options.timeout.count() > 0 ? std::to_string(options.timeout.count()) : "")
      .add("labelSelector", options.label_selector)
      .add("fieldSelector", options.field_selector);
  return without_body(query.take());
}

ObjectText object_text(const Resource& resource, const Json& object) {
  const auto& metadata = api::member(object, "metadata");
  if (!metadata.is_object()) return {{}, "?", body_of(resource, object)};
  return {api::text_at(metadata, "namespace"), name_of(metadata), body_of(resource, object)};
}

ObjectText status_text(const Resource& resource, const api::ObjectMeta& meta, Json status) {
  return object_text(resource, api::status_update(resource.kind, meta, std::move(status)));
}

Request create_request(const Resource& resource, ObjectText object) {
  return with_body(Method::kPost, collection_path(resource, object.namespace_), std::move(object.text));
}

Request replace_request(const Resource& resource, ObjectText object) {
  return replace_at(resource, std::move(object), "");
}

Request replace_status_request(const Resource& resource, ObjectText object) {
  return replace_at(resource, std::move(object), "/status");
}

Request patch_request(const Resource& resource, std::string_view namespace_, std::string_view name, PatchType type,
                      const Json& patch, const PatchOptions& options) {
  std::string path = object_path(resource, namespace_, name);
  if (!options.subresource.empty()) path.append("/").append(options.subresource);
  Query query(std::move(path));
  query.add("fieldManager", options.field_manager).add("force", options.force ? "true" : "");
  std::string body = type == PatchType::kApply ? body_of(resource, patch) : dump(patch);
  return with_body(Method::kPatch, query.take(), std::move(body), std::string{content_type(type)});
}

Request delete_request(const Resource& resource, std::string_view namespace_, std::string_view name,
                       const DeleteOptions& options) {
  // A deletion always has a body, because cpprestsdk repeats a request without one by itself when the connection
  // breaks (see body_source() in kube/cpprest/exchange.h).
  Json body{{"apiVersion", "v1"}, {"kind", "DeleteOptions"}};
  if (!options.uid.empty()) body["preconditions"]["uid"] = options.uid;
  if (!options.resource_version.empty()) body["preconditions"]["resourceVersion"] = options.resource_version;
  if (options.propagation != Propagation::kDefault) {
    body["propagationPolicy"] = propagation_policy(options.propagation);
  }
  if (options.grace_seconds) body["gracePeriodSeconds"] = *options.grace_seconds;
  return with_body(Method::kDelete, object_path(resource, namespace_, name), dump(body));
}

Request proxy_request(const Resource& resource, std::string_view namespace_, std::string_view target,
                      std::string_view path) {
  Request request = without_body(fmt::format("{}/proxy{}", object_path(resource, namespace_, target), path));
  request.accept = "*/*";
  request.max_body_bytes = std::size_t{4} << 20U;
  return request;
}

Request pod_log_request(std::string_view namespace_, std::string_view pod, const LogOptions& options) {
  Query query(object_path(kPods, namespace_, pod) + "/log");
  query.add("container", options.container)
      .add("tailLines", options.tail_lines >= 0 ? std::to_string(options.tail_lines) : "")
      .add("limitBytes", options.limit_bytes >= 0 ? std::to_string(options.limit_bytes) : "")
      .add("previous", options.previous ? "true" : "")
      .add("follow", options.follow ? "true" : "")
      .add("sinceSeconds", options.since_seconds ? std::to_string(*options.since_seconds) : "")
      .add("timestamps", options.timestamps ? "true" : "");
  Request request = without_body(query.take());
  // A log is text, but failures are JSON; "*/*" accepts both.
  request.accept = "*/*";
  return request;
}

}  // namespace modelrun::kube
