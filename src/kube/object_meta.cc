#include "kube/object_meta.h"

#include <charconv>

#include <nlohmann/json.hpp>

namespace modelrun::kube {
namespace {

std::string string_at(const Json& object, const char* field) {
  const auto value = object.find(field);
  return value != object.end() && value->is_string() ? value->get<std::string>() : std::string{};
}

std::optional<Time> time_at(const Json& object, const char* field) {
  const auto value = object.find(field);
  if (value == object.end() || !value->is_string()) return std::nullopt;
  return parse_rfc3339(value->get_ref<const std::string&>());
}

void read_owner(const Json& metadata, ObjectMeta& meta) {
  const auto owners = metadata.find("ownerReferences");
  if (owners == metadata.end() || !owners->is_array()) return;
  for (const auto& owner : *owners) {
    if (!owner.is_object()) continue;
    const auto controller = owner.find("controller");
    if (controller == owner.end() || !controller->is_boolean() || !controller->get<bool>()) continue;
    meta.owner_uid = string_at(owner, "uid");
    meta.owner_kind = string_at(owner, "kind");
    meta.owner_name = string_at(owner, "name");
    return;
  }
}

}  // namespace

ObjectMeta object_meta_from_json(const Json& object) {
  ObjectMeta meta;
  if (!object.is_object()) return meta;
  const auto found = object.find("metadata");
  if (found == object.end() || !found->is_object()) return meta;
  const Json& metadata = *found;
  meta.namespace_ = string_at(metadata, "namespace");
  meta.name = string_at(metadata, "name");
  meta.uid = string_at(metadata, "uid");
  meta.resource_version = parse_resource_version(string_at(metadata, "resourceVersion"));
  const auto generation = metadata.find("generation");
  if (generation != metadata.end() && generation->is_number_integer()) generation->get_to(meta.generation);
  meta.creation = time_at(metadata, "creationTimestamp").value_or(Time{});
  meta.deletion = time_at(metadata, "deletionTimestamp");
  read_owner(metadata, meta);
  return meta;
}

std::string object_key(std::string_view namespace_, std::string_view name) {
  if (namespace_.empty()) return std::string{name};
  std::string key;
  key.reserve(namespace_.size() + 1 + name.size());
  key.append(namespace_).append("/").append(name);
  return key;
}

std::string object_key(const ObjectMeta& meta) {
  return object_key(meta.namespace_, meta.name);
}

KeyParts split_key(std::string_view key) {
  const auto slash = key.find('/');
  if (slash == std::string_view::npos) return {{}, key};
  return {key.substr(0, slash), key.substr(slash + 1)};
}

std::uint64_t parse_resource_version(std::string_view text) {
  std::uint64_t value = 0;
  const auto [rest, error] = std::from_chars(text.begin(), text.end(), value);
  return error == std::errc{} && rest == text.end() ? value : 0;
}

}  // namespace modelrun::kube
