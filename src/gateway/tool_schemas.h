// Input and output schemas of the tools (JSON Schema 2020-12). Flat objects: several clients drop a tool, or all of
// them, for a root oneOf. Pure. Internal to gateway/.
#pragma once

#include <nlohmann/json.hpp>

#include "base/error.h"

namespace modelrun::gateway::schema {

nlohmann::json run_input();
nlohmann::json run_output();
nlohmann::json get_run_input();
nlohmann::json get_run_output_fields();
nlohmann::json list_runs_input();
nlohmann::json list_runs_output();
nlohmann::json get_run_output_input();
nlohmann::json get_run_output_output();
nlohmann::json cancel_run_input();
nlohmann::json cancel_run_output();

// Checks `arguments` against the keywords that the input schemas use: type, enum, required, minimum, maximum,
// additionalProperties. kInvalid names the argument and what it should be.
Result<void> check(const nlohmann::json& schema, const nlohmann::json& arguments);

}  // namespace modelrun::gateway::schema
