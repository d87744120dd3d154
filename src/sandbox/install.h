// Puts into the shared directory what the untrusted container needs, and the postStart hook's wait for it.
#pragma once

#include <chrono>

#include "base/error.h"
#include "sandbox/layout.h"

namespace modelrun::sandbox {

// This program, the harness, and the sealed termination log; api::kInstalledMarker comes last and is write_marker()'s.
Result<void> install_files(const Layout& layout);
Result<void> write_marker(const Layout& layout);

// Returns when the marker is there; kTimeout when it does not come.
Result<void> await_installed(const Layout& layout, std::chrono::milliseconds timeout);

}  // namespace modelrun::sandbox
