// The OpenAPI 3.1 document that describes the plain HTTP API, made from the schemas of the tools. Pure.
#pragma once

#include <nlohmann/json.hpp>

namespace modelrun::gateway {

nlohmann::json openapi_document();

}  // namespace modelrun::gateway
