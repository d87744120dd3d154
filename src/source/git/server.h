// The server of modelrun-source: works on each request in a process of its own, and keeps all of them within a budget
// of memory and disk.
//
// The server itself reads nothing of what comes: it accepts, forks, watches and reaps, on one thread. A request that
// crashes, or uses more than its share, ends alone, and its client is told, unless the answer has begun already.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>

#include "base/error.h"

namespace modelrun::source {

struct ServerOptions {
  std::string socket;             // the path; what is there is removed first
  std::filesystem::path scratch;  // for work in progress; whatever is in it is removed first
  // What all requests may use together: memory without what their programs have in common, and files below `scratch`.
  // Beyond it the largest one is ended, with kTooLarge if it alone uses more, else with kUnavailable.
  std::uint64_t memory_bytes = std::uint64_t{384} << 20U;
  std::uint64_t scratch_bytes = std::uint64_t{1536} << 20U;
  // After which a request is ended (kTimeout). A client leaves much earlier, and its request is ended then.
  std::chrono::seconds max_request_time{3600};
  std::size_t max_requests = 32;  // at the same time; others are told to come again (kUnavailable)
};

// Serves until SIGTERM or SIGINT, and then ends the requests under way, whose clients are told to ask again
// (kUnavailable). Requires that the process has one thread and that block_server_signals() has been called. Fails when
// the socket or the directory cannot be made.
Result<void> serve(const ServerOptions& options);

// Blocks the signals that serve() waits for.
void block_server_signals();

}  // namespace modelrun::source
