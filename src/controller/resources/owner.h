// The owner reference of what the operator makes.
#pragma once

#include <nlohmann/json.hpp>
#include <string_view>

#include "api/object_meta.h"

namespace modelrun::controller {

// metadata.ownerReferences of an object whose controller is `owner` (see api::is_owned_by), so that it is deleted with
// it. Of `owner` only the name and the UID are read. blockOwnerDeletion is false: deleting the owner does not wait for
// the object.
nlohmann::json owned_by(std::string_view api_version, std::string_view kind, const api::ObjectMeta& owner);

}  // namespace modelrun::controller
