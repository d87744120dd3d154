// The program modelrun-source for tests.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

namespace modelrun::source::testing {

// Ended by the destructor.
class SourceProgram {
 public:
  // Starts it and waits until it has answered and is idle.
  SourceProgram(std::filesystem::path directory, std::vector<std::string> more = {});
  SourceProgram(const SourceProgram&) = delete;
  SourceProgram& operator=(const SourceProgram&) = delete;
  ~SourceProgram() { kill(); }

  void start();
  void kill();  // as the kernel does when a container has no memory left
  [[nodiscard]] std::string socket() const { return directory_ / "socket"; }
  [[nodiscard]] std::filesystem::path scratch() const { return directory_ / "scratch"; }
  [[nodiscard]] pid_t pid() const { return pid_; }
  // Processes that descend from it, however far.
  [[nodiscard]] std::vector<pid_t> descendants() const;
  // Nothing runs, and nothing is left on the disk. Does not see a connection that the program has not accepted yet: ask
  // only after each request has shown that it is being worked on.
  [[nodiscard]] bool is_idle() const;

 private:
  [[nodiscard]] bool answers(std::chrono::steady_clock::time_point deadline) const;
  std::filesystem::path directory_;
  std::vector<std::string> more_;
  pid_t pid_ = -1;
};

}  // namespace modelrun::source::testing
