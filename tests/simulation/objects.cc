#include "simulation/objects.h"

#include <utility>

#include "api/json_access.h"
#include "api/object_meta.h"

namespace modelrun::simulation {
namespace {

const std::string kEmpty;

const std::string& text_in(const Json& object, std::string_view field) {
  const auto& value = api::member(object, field);
  return value.is_string() ? value.get_ref<const std::string&>() : kEmpty;
}

bool is_time(std::string_view text) {
  return text.size() >= 20 && text[4] == '-' && text[10] == 'T' && text.back() == 'Z';
}

// Leaves out UIDs, which are made by ApiServer: "uid" and five digits, and the rest of a full one.
std::uint64_t hash_normalised(std::string_view text) {
  if (is_time(text)) return 1;
  std::uint64_t hash = 0xCBF29CE484222325ULL;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == 'u' && text.substr(i, 4) == "uid0") {
      i += 7;
      continue;
    }
    hash = (hash ^ static_cast<unsigned char>(text[i])) * 0x100000001B3ULL;
  }
  return hash;
}

bool is_left_out(std::string_view field) {
  return field == "resourceVersion" || field == "durationSeconds" || field == "duration" || field == "uid" ||
         field == "leaseTransitions";
}

std::uint64_t digest_of(const Json& value) {
  switch (value.type()) {
    case Json::value_t::object: {
      std::uint64_t hash = 11;
      for (const auto& [field, member] : value.items()) {
        if (!is_left_out(field)) hash = mix(mix(hash, hash_text(field)), digest_of(member));
      }
      return hash;
    }
    case Json::value_t::array: {
      std::uint64_t hash = 13;
      for (const auto& item : value) hash = mix(hash, digest_of(item));
      return hash;
    }
    case Json::value_t::string:
      return hash_normalised(value.get_ref<const std::string&>());
    case Json::value_t::number_integer:
    case Json::value_t::number_unsigned:
      return mix(17, static_cast<std::uint64_t>(value.get<std::int64_t>()));
    case Json::value_t::boolean:
      return value.get<bool>() ? 19 : 23;
    default:
      return 29;
  }
}

const Json& owner_of(const Json& object) {
  static const Json kNone;
  const auto& owners = api::member(api::member(object, "metadata"), "ownerReferences");
  for (const auto& owner : owners) {
    if (owner.is_object() && owner.value("controller", false)) return owner;
  }
  return kNone;
}

}  // namespace

std::uint64_t mix(std::uint64_t hash, std::uint64_t value) {
  hash = (hash ^ value) * 0x9E3779B97F4A7C15ULL;
  return hash ^ (hash >> 29U);
}

std::uint64_t hash_text(std::string_view text) {
  std::uint64_t hash = 0xCBF29CE484222325ULL;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3ULL;
  return hash;
}

Stored::Stored(Json value, std::uint64_t at_version)
    : json(std::move(value)), version(at_version), digest_(digest_of(json)) {}

const std::string& Stored::text() const {
  if (text_.empty()) text_ = json.dump(-1, ' ', false, Json::error_handler_t::replace);
  return text_;
}

const std::string& meta_text(const Json& object, const char* field) {
  return text_in(api::member(object, "metadata"), field);
}

const std::string& label_text(const Json& object, std::string_view label) {
  return text_in(api::member(api::member(object, "metadata"), "labels"), label);
}

const std::string& status_text(const Json& object, const char* field) {
  return text_in(api::member(object, "status"), field);
}

std::string key_of(const Json& object) {
  return api::object_key(meta_text(object, "namespace"), meta_text(object, "name"));
}

bool is_deleting(const Json& object) {
  return api::member(object, "metadata").contains("deletionTimestamp");
}

bool is_final_phase(std::string_view phase) {
  return phase == "Succeeded" || phase == "Failed" || phase == "TimedOut" || phase == "Cancelled";
}

const std::string& owner_uid(const Json& object) {
  return text_in(owner_of(object), "uid");
}

const std::string& owner_name(const Json& object) {
  return text_in(owner_of(object), "name");
}

}  // namespace modelrun::simulation
