// Runs one child process without a shell. The process is confined and limited, and neither it nor a process of its
// group is left when run_process() returns.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "source/git/confinement.h"

namespace modelrun::source {

struct ProcessSpec {
  std::vector<std::string> argv;             // argv[0] is the absolute path of the program
  std::vector<std::string> environment;      // "NAME=value"; the whole environment, since nothing is inherited
  std::filesystem::path directory;           // the working directory; it must exist
  std::string_view input;                    // what the process reads on standard input; must outlive the call
  const Confinement* confinement = nullptr;  // null: not confined; must outlive the call
  std::chrono::steady_clock::time_point deadline;
  std::uint64_t max_file_bytes = 0;                            // RLIMIT_FSIZE: the size of one file, in bytes
  std::uint64_t max_memory_bytes = std::uint64_t{256} << 20U;  // RLIMIT_AS, for each process of the group
  std::size_t max_diagnostics = 16U << 10U;  // bytes of standard error kept; the rest is read and dropped
};

struct ProcessEnd {
  int exit_code = 0;        // 128 + the signal's number when a signal ended the process
  std::string diagnostics;  // what the process wrote to standard error, cut to max_diagnostics bytes
  [[nodiscard]] bool ok() const { return exit_code == 0; }
};

// Gets the standard output in pieces, each valid only during the call, on the thread that called run_process(). An
// error makes run_process() kill the process and return that error.
using Sink = std::function<Result<void>(std::string_view)>;

// Runs the process and blocks until it has ended. The process leads a process group of its own. What is left of the
// group is killed (SIGKILL) when the leader ends, when the sink fails, at the deadline and on `stop`. The process
// inherits no descriptors but standard input, output and error, which are pipes.
//
// Thread-safe. Descriptors 0 to 2 must be open in the calling process. Because that process has threads, the child
// makes only async-signal-safe calls before execve.
//
// Errors: that of the sink; kTimeout at the deadline; kCancelled on `stop`; own_failure() when a pipe or the process
// cannot be made. An exit code other than 0 is not an error: the caller reads ProcessEnd. When the child
// cannot be set up or execve fails, the exit code is 126 and the diagnostics are
// "modelrun: cannot start git: STEP: REASON".
Result<ProcessEnd> run_process(const ProcessSpec& spec, const Sink& sink, std::stop_token stop);

}  // namespace modelrun::source
