// The directory that the model writes its outputs to, read without trust: whatever stands there, nothing hangs, nothing
// is followed, nothing outside is read, and no more than the limits is held.
#pragma once

#include <string>
#include <vector>

#include "base/error.h"
#include "base/fd.h"

namespace modelrun::sandbox {

// Collects sentences for people; of many alike only the first few and a count stay.
class Warnings {
 public:
  void add(std::string text);
  // One line, at most 2 KiB.
  [[nodiscard]] std::string text() const;

 private:
  std::vector<std::string> texts_;
  std::size_t more_ = 0;
};

struct OutputFile {
  std::string path;  // relative to the tree, valid UTF-8 without control characters
  std::uint64_t size = 0;
};

struct WalkLimits {
  int depth = 8;
  std::size_t entries = 20'000;
};

class OutputTree {
 public:
  static Result<OutputTree> open(const std::string& root);

  // Regular files, sorted by path. What is passed over (links, FIFOs, devices, sockets, strange names, too deep, too
  // many) becomes a warning. `.modelrun` at the top is left out silently. With `below`, only what stands in that
  // directory; nothing when there is none.
  [[nodiscard]] std::vector<OutputFile> list(const WalkLimits& limits, Warnings& warnings,
                                             const std::string& below = {}) const;

  // kInvalid when it is not a plain file of this file system with one name; never waits.
  [[nodiscard]] Result<UniqueFd> open_file(const std::string& path, std::uint64_t* size = nullptr) const;

  // kNotFound when absent, kTooLarge when it holds more than `limit`.
  [[nodiscard]] Result<std::string> read(const std::string& path, std::size_t limit) const;

 private:
  OutputTree() = default;

  UniqueFd root_;
  unsigned long device_ = 0;
};

}  // namespace modelrun::sandbox
