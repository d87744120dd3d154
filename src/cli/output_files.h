// Writes what a run left into a folder of the user's.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "base/error.h"

namespace modelrun::cli {

inline constexpr const char* kOutputsFile = "outputs.json";  // in which the outputs are written

// Writes the file, and makes its folder. Replaces what is there. Fails with the errno as errno_error() maps it.
Result<void> write_output(const std::filesystem::path& path, std::string_view bytes);

// The path of an artifact below the folder. The names come from a model, and the API server lets others write status:
// kInvalid for one that leads elsewhere, or to kOutputsFile. Pure.
Result<std::filesystem::path> path_below(const std::filesystem::path& folder, const std::string& name);

}  // namespace modelrun::cli
