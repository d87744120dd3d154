// The result frame and the exit record as JSON values. The codecs of api/sandbox.h share them, and `exec` sends its
// exit record to the agent in the same form. Pure, no exceptions.
#pragma once

#include <nlohmann/json.hpp>

#include "api/sandbox.h"

namespace modelrun::api {

nlohmann::json exit_to_json(const ExitRecord& exit);
// Returns kInvalid when a member is of the wrong type, when `how` is missing or unknown, when `code` is not in 0-255,
// or when `signal` is not in 1-64. Other members may be absent; unknown members are ignored.
Result<ExitRecord> exit_from_json(const nlohmann::json& value);

// The reverse of to_string(ExitHow). Returns kNotFound for any other word.
Result<ExitHow> parse_exit_how(std::string_view name);

// Without the outputs.
nlohmann::json frame_to_json(const ResultFrame& frame);
// Without the outputs, too. Returns kInvalid when the exit record is missing or invalid, when a member is of the wrong
// type, or when the bytes of an artifact are not base64. Other members may be absent. A negative size becomes 0.
// Unknown members are ignored.
Result<ResultFrame> frame_from_json(const nlohmann::json& value);

}  // namespace modelrun::api
