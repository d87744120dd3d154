// One child process without a shell: confined, limited, and gone when run_process returns.
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
#include "source/confinement.h"

namespace modelrun::source {

struct ProcessSpec {
  std::vector<std::string> argv;         // argv[0]: an absolute path
  std::vector<std::string> environment;  // all of it; nothing is inherited
  std::filesystem::path directory;
  std::string_view input;  // of its standard input; must outlive the call
  const Confinement* confinement = nullptr;
  std::chrono::steady_clock::time_point deadline;
  std::uint64_t max_file_bytes = 0;                          // RLIMIT_FSIZE
  std::uint64_t max_memory_bytes = std::uint64_t{4} << 30U;  // RLIMIT_AS, of each process
  std::size_t max_diagnostics = 16U << 10U;                  // of standard error; the rest is read and dropped
};

struct ProcessEnd {
  int exit_code = 0;        // 128 + signal when a signal ended it
  std::string diagnostics;  // what it wrote to standard error
  [[nodiscard]] bool ok() const { return exit_code == 0; }
};

// Gets standard output in pieces. An error ends the process and becomes the result of run_process.
using Sink = std::function<Result<void>(std::string_view)>;

// Blocks until the process has ended. It leads a process group of its own that is killed, whatever is left of it, when
// the leader ends, at the deadline (kTimeout) and on `stop` (kCancelled). Thread-safe; standard descriptors 0 to 2 must
// be open in this process. Nothing but standard input, output and error is inherited. In the child only
// async-signal-safe calls are made before execve, since this process has threads. A non-zero exit is not an error here:
// the caller reads ProcessEnd.
Result<ProcessEnd> run_process(const ProcessSpec& spec, const Sink& sink, std::stop_token stop);

}  // namespace modelrun::source
