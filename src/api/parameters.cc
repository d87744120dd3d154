#include "api/parameters.h"

#include "base/encoding.h"

namespace modelrun::api {

Parameters::Parameters(const nlohmann::json& value)
    : value_(value), digest_("sha256:" + sha256_hex(canonical_json(value))), size_(value_.size()) {}

}  // namespace modelrun::api
