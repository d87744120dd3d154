// The part of metav1.ObjectMeta that this project looks at, compact enough to be kept a hundred thousand times.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/error.h"
#include "kube/json.h"

namespace modelrun::kube {

struct ObjectMeta {
  std::string namespace_;
  std::string name;
  std::string uid;
  std::uint64_t resource_version = 0;
  std::int64_t generation = 0;
  Time creation{};
  std::optional<Time> deletion;
  std::string owner_uid;  // of the controlling owner reference; empty without one
  std::string owner_kind;
  std::string owner_name;

  [[nodiscard]] bool deleting() const { return deletion.has_value(); }
};

// Reads object.metadata. Never throws and never fails: what is missing or malformed is left empty or zero, since
// the object came from the API server, which has checked these.
ObjectMeta object_meta_from_json(const Json& object);

// "namespace/name", or "name" for a cluster-wide object.
std::string object_key(std::string_view namespace_, std::string_view name);
std::string object_key(const ObjectMeta& meta);
// The reverse; the namespace is empty when there is no '/'.
struct KeyParts {
  std::string_view namespace_;
  std::string_view name;
};
KeyParts split_key(std::string_view key);

// A decimal number; 0 when it is not one. Kubernetes promises the order of these numbers since 1.35 and has kept it
// always.
std::uint64_t parse_resource_version(std::string_view text);

}  // namespace modelrun::kube
