// The part of metav1.ObjectMeta that this product reads.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"

namespace modelrun::api {

struct ObjectMeta {
  std::string namespace_;
  std::string name;
  std::string uid;
  // Opaque by the API conventions up to 1.34; compared as a number, which KEP-5504 made official.
  std::uint64_t resource_version = 0;
  std::int64_t generation = 0;
  Time creation{};
  std::optional<Time> deletion;
  std::string owner_uid;  // of the controlling owner reference; empty without one
  std::string owner_kind;
  std::string owner_name;

  [[nodiscard]] bool deleting() const { return deletion.has_value(); }
  // "namespace/name", or "name" for a cluster-wide object.
  [[nodiscard]] std::string key() const { return namespace_.empty() ? name : namespace_ + "/" + name; }
};

// metadata.labels[name], or "".
std::string label_of(const nlohmann::json& object, std::string_view name);

// `object` is a whole Kubernetes object; absent fields stay at their defaults.
ObjectMeta decode_meta(const nlohmann::json& object);

}  // namespace modelrun::api
