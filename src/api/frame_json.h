// The result frame as JSON values: shared by the codecs of api/sandbox.h and by `exec`, which sends its exit record to
// the agent in the same form. Pure.
#pragma once

#include <nlohmann/json.hpp>

#include "api/sandbox.h"

namespace modelrun::api {

nlohmann::json exit_to_json(const ExitRecord& exit);
Result<ExitRecord> exit_from_json(const nlohmann::json& value);

// kNotFound when `name` is none of the words that to_string() gives.
Result<ExitHow> parse_exit_how(std::string_view name);

nlohmann::json frame_to_json(const ResultFrame& frame);
Result<ResultFrame> frame_from_json(const nlohmann::json& value);

// JSON text of any value; bytes that are not UTF-8 become U+FFFD instead of an exception.
std::string dump_json(const nlohmann::json& value);

}  // namespace modelrun::api
