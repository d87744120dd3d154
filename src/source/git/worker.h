// The process that works on one request.
#pragma once

#include <filesystem>

#include "base/fd.h"

namespace modelrun::source {

// Reads the request from `connection`, runs git, and writes the answer. Ends git and returns when the client closes the
// connection. `directory` exists and is empty; what is left in it is for the caller to remove. `answering`, an eventfd,
// is written to before the first byte of the answer. Returns the exit code.
int work_on_request(UniqueFd connection, UniqueFd answering, const std::filesystem::path& directory);

}  // namespace modelrun::source
