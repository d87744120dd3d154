// Where the files of api/sandbox.h are. In a pod the prefix is empty; tests put everything below a directory of theirs.
#pragma once

#include <string>
#include <string_view>

#include "api/sandbox.h"

namespace modelrun::sandbox {

class Layout {
 public:
  Layout() = default;
  explicit Layout(std::string prefix) : prefix_(std::move(prefix)) {}

  // `path` is absolute, one of the constants of api/sandbox.h.
  [[nodiscard]] std::string at(std::string_view path) const { return prefix_ + std::string(path); }
  // True in tests only: checks that hold in a pod alone (being PID 1) are then left out.
  [[nodiscard]] bool is_test() const { return !prefix_.empty(); }

 private:
  std::string prefix_;
};

}  // namespace modelrun::sandbox
