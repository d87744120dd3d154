// The JSON Schemas of the answers in rest_views.h; the schemas of the tools' answers are in gateway/tools. The OpenAPI
// document holds them. Pure.
#pragma once

#include <nlohmann/json.hpp>

namespace modelrun::gateway {

namespace schema {
nlohmann::json details();
nlohmann::json projects();
nlohmann::json runs();
}  // namespace schema

}  // namespace modelrun::gateway
