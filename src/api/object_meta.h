// The part of metav1.ObjectMeta that the project reads from objects. Pure.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"

namespace modelrun::api {

// "namespace/name", or "name" for a cluster-wide object (an empty namespace): the key of queues, caches and logs.
std::string object_key(std::string_view namespace_, std::string_view name);

// A resourceVersion as a decimal number; 0 when it is not one.
std::uint64_t parse_resource_version(std::string_view text);

struct ObjectMeta {
  std::string namespace_;
  std::string name;
  std::string uid;
  // Compared as a number. The API conventions called it opaque up to Kubernetes 1.34; KEP-5504 makes the comparison
  // official. 0 when it is absent or not a number.
  std::uint64_t resource_version = 0;
  std::int64_t generation = 0;
  Time creation{};  // the Unix epoch when absent
  std::optional<Time> deletion;
  std::string owner_uid;  // owner_*: the owner reference with controller: true; empty without one
  std::string owner_kind;
  std::string owner_name;

  [[nodiscard]] bool deleting() const { return deletion.has_value(); }
  [[nodiscard]] std::string key() const { return object_key(namespace_, name); }
};

// True if `owner` is the controller of `object`: they have the same namespace, and the owner reference has the owner's
// UID. The names say nothing: anybody may give an object of their own namespace any name.
[[nodiscard]] bool is_owned_by(const ObjectMeta& object, const ObjectMeta& owner);

// Returns metadata.labels[name] of a Kubernetes object, or "" when there is none.
std::string label_of(const nlohmann::json& object, std::string_view name);

// Decodes metadata of a whole Kubernetes object. Never fails: a field that is absent or invalid keeps its default.
ObjectMeta decode_meta(const nlohmann::json& object);

}  // namespace modelrun::api
