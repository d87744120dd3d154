// Where the files of api/sandbox.h are on this machine. In a pod the paths are used as they are. A test gives a
// prefix, so that everything is below a directory of its own.
#pragma once

#include <string>
#include <string_view>

#include "api/sandbox.h"

namespace modelrun::sandbox {

class Layout {
 public:
  Layout() = default;
  explicit Layout(std::string prefix) : prefix_(std::move(prefix)) {}

  // Returns the actual path of `path`, an absolute path of api/sandbox.h.
  [[nodiscard]] std::string at(std::string_view path) const { return prefix_ + std::string(path); }
  // True when there is a prefix, which is in tests only. Checks that only a pod can pass (being PID 1) are then
  // skipped.
  [[nodiscard]] bool is_test() const { return !prefix_.empty(); }

 private:
  std::string prefix_;
};

}  // namespace modelrun::sandbox
