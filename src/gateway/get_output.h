// One output of a run: by which name it is found, and how it is encoded. Pure.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "api/model_run.h"
#include "api/sandbox.h"
#include "base/error.h"

namespace modelrun::gateway {

// A larger one is an error, never cut.
inline constexpr std::size_t kMaxOutputContent = std::size_t{1} << 20U;

// `wanted` is tried as: an output's name; the same without ".json"; a file's name under /outputs; that of the only file
// which is called so before its last dot. `encoding`: auto, json, text, base64. kNotFound names what there is.
Result<nlohmann::json> find_output(const api::ModelRun& run, const api::ResultFrame* frame, const std::string& wanted,
                                   const std::string& encoding, std::string_view project);

// The bytes of the file that the run left as /outputs/`name`, checked against its digest. kNotFound: there is none of
// that name, or its bytes were not kept.
Result<std::string> file_bytes(const api::ModelRun& run, const api::ResultFrame* frame, const std::string& name);

}  // namespace modelrun::gateway
