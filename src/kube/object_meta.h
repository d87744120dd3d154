// Reading object metadata, keys and resourceVersions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "api/object_meta.h"
#include "base/clock.h"
#include "base/error.h"
#include "kube/json.h"

namespace modelrun::kube {

// One type in all layers.
using api::ObjectMeta;

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
