// The objects that the simulated API server stores.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "kube/json.h"
#include "kube/resource.h"

namespace modelrun::simulation {

using kube::Json;

enum class Kind : std::uint8_t { kRuns, kProjects, kJobs, kPods, kConfigMaps, kSecrets, kPolicies, kLeases, kSweeps };
inline constexpr std::size_t kKinds = 9;
inline constexpr std::array<const kube::Resource*, kKinds> kResources{
    &kube::kModelRuns, &kube::kModelProjects,   &kube::kJobs,   &kube::kPods,       &kube::kConfigMaps,
    &kube::kSecrets,   &kube::kNetworkPolicies, &kube::kLeases, &kube::kModelSweeps};

inline const kube::Resource& resource_of(Kind kind) {
  return *kResources.at(static_cast<std::size_t>(kind));
}

// One version of an object. Never changes, so that the store, the history and slow answers share it.
class Stored {
 public:
  Stored(Json value, std::uint64_t at_version);
  const Json json;
  const std::uint64_t version;
  // What the object is apart from versions, times and UIDs: two objects with the same digest are the same state.
  [[nodiscard]] std::uint64_t digest() const { return digest_; }
  // The JSON text, made when it is first asked for.
  [[nodiscard]] const std::string& text() const;

 private:
  std::uint64_t digest_;
  mutable std::string text_;
};
using Object = std::shared_ptr<const Stored>;

// Parts of an object that are often needed; empty or 0 if absent.
[[nodiscard]] const std::string& meta_text(const Json& object, const char* field);
[[nodiscard]] inline const std::string& uid_of(const Json& object) {
  return meta_text(object, "uid");
}
[[nodiscard]] const std::string& label_text(const Json& object, std::string_view label);
[[nodiscard]] std::string key_of(const Json& object);  // "namespace/name"
[[nodiscard]] bool is_deleting(const Json& object);
[[nodiscard]] const std::string& status_text(const Json& object, const char* field);
[[nodiscard]] bool is_final_phase(std::string_view phase);
// Whether the run or the sweep has ended.
[[nodiscard]] inline bool is_over(const Json& object) {
  return is_final_phase(status_text(object, "phase"));
}
// Whether it is neither over nor being deleted.
[[nodiscard]] inline bool under_way(const Json& object) {
  return !is_over(object) && !is_deleting(object);
}
// The UID of the owner with controller: true.
[[nodiscard]] const std::string& owner_uid(const Json& object);
[[nodiscard]] const std::string& owner_name(const Json& object);

std::uint64_t mix(std::uint64_t hash, std::uint64_t value);
std::uint64_t hash_text(std::string_view text);

}  // namespace modelrun::simulation
