// The JSON Schemas of what rest_views.h takes and answers beyond the tools, whose schemas are in gateway/tools. The
// OpenAPI document holds them. Pure.
#pragma once

#include <nlohmann/json.hpp>

namespace modelrun::gateway {

namespace schema {
nlohmann::json details();
nlohmann::json projects();
nlohmann::json runs();
// The query of the list of runs: the arguments of list_runs, and what only plain HTTP has.
nlohmann::json run_list_query();
// The query of the table of a sweep.
nlohmann::json table_query();
}  // namespace schema

}  // namespace modelrun::gateway
