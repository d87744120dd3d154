// Puts what the untrusted container needs into api::kAgentDir. Where that is a shared directory, the agent calls
// install_files() and then write_marker(), and the postStart hook waits in await_installed(). Where it is a volume of
// the agent's image, write_harness() was called when the image was made.
#pragma once

#include <string_view>

#include <chrono>
#include <string>

#include "base/error.h"
#include "sandbox/layout.h"

namespace modelrun::sandbox {

// The text of harness.py, which is part of this program; its modules are installed beside it.
std::string_view harness_text();

// Writes the Python harness into `directory`, which exists. Fails with the errno as errno_error() maps it.
Result<void> write_harness(const std::string& directory);

// Installs this program, the Python harness, and the sealed termination log (api::kModelTerminationLog). May be
// repeated after a restart of the container: files are replaced by rename. Fails with the errno as errno_error() maps
// it.
Result<void> install_files(const Layout& layout);
// Creates api::kInstalledMarker, which tells that everything else is there, with the name of the agent's socket as its
// content. Call it last. Fails like install_files().
Result<void> write_marker(const Layout& layout, std::string_view socket);

// Blocks until the marker exists. Fails with kTimeout when it does not exist after `timeout`.
Result<void> await_installed(const Layout& layout, std::chrono::milliseconds timeout);

}  // namespace modelrun::sandbox
