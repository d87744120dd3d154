#include "api/object_meta.h"

#include <charconv>

#include "api/json_access.h"

namespace modelrun::api {
namespace {

void decode_owner(const nlohmann::json& metadata, ObjectMeta& meta) {
  for (const auto& owner : member(metadata, "ownerReferences")) {
    if (!bool_at(owner, "controller")) continue;
    meta.owner_uid = text_at(owner, "uid");
    meta.owner_kind = text_at(owner, "kind");
    meta.owner_name = text_at(owner, "name");
    return;
  }
}

}  // namespace

std::string object_key(std::string_view namespace_, std::string_view name) {
  if (namespace_.empty()) return std::string(name);
  std::string key;
  key.reserve(namespace_.size() + 1 + name.size());
  return key.append(namespace_).append("/").append(name);
}

std::uint64_t parse_resource_version(std::string_view text) {
  std::uint64_t value = 0;
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} && rest == text.data() + text.size() ? value : 0;
}

ObjectMeta decode_meta(const nlohmann::json& object) {
  const auto& metadata = member(object, "metadata");
  ObjectMeta meta;
  meta.namespace_ = text_at(metadata, "namespace");
  meta.name = text_at(metadata, "name");
  meta.uid = text_at(metadata, "uid");
  meta.resource_version = parse_resource_version(text_at(metadata, "resourceVersion"));
  meta.generation = int_at(metadata, "generation").value_or(0);
  meta.creation = time_at(metadata, "creationTimestamp").value_or(Time{});
  meta.deletion = time_at(metadata, "deletionTimestamp");
  decode_owner(metadata, meta);
  return meta;
}

bool is_owned_by(const ObjectMeta& object, const ObjectMeta& owner) {
  return !owner.uid.empty() && object.owner_uid == owner.uid && object.namespace_ == owner.namespace_;
}

std::string label_of(const nlohmann::json& object, std::string_view name) {
  return text_at(member(member(object, "metadata"), "labels"), name);
}

}  // namespace modelrun::api
