// `modelrun-sandbox agent`: the trusted container. Installs, fetches the source, relays, collects, records, pushes.
#pragma once

#include "sandbox/layout.h"

namespace modelrun::sandbox {

// The container's exit code: 0 once the result is recorded on our log, also when pushing it failed; 1 when not even
// that was possible (the configuration is wrong).
int run_agent(const Layout& layout);

}  // namespace modelrun::sandbox
