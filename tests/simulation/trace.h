// The story of one world: a line an event.
#pragma once

#include <fmt/format.h>

#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include "simulation/fibers.h"

namespace modelrun::simulation {

// Off by default, when a line costs nothing but a comparison.
class Trace {
 public:
  explicit Trace(const Fibers& fibers) : fibers_(fibers) {}
  // Keeps the lines; with `print` each is printed on standard output at once, so that a crash does not lose them.
  void turn_on(bool print) {
    on_ = true;
    print_ = print;
  }
  [[nodiscard]] bool on() const { return on_; }

  // Adds a line with the simulated time. `who` acts: "operator A", "kubelet", "person".
  template <class... Args>
  void line(std::string_view who, fmt::format_string<Args...> format, Args&&... args) {
    if (!on_) return;
    const double seconds = std::chrono::duration<double>(fibers_.now()).count();
    auto line = fmt::format("{:9.3f}  {:<12} {}", seconds, who, fmt::format(format, std::forward<Args>(args)...));
    if (print_) {
      fmt::print("{}\n", line);
      std::fflush(stdout);
    } else {
      lines_.push_back(std::move(line));
    }
  }
  [[nodiscard]] const std::vector<std::string>& lines() const { return lines_; }

 private:
  const Fibers& fibers_;
  bool on_ = false, print_ = false;
  std::vector<std::string> lines_;
};

}  // namespace modelrun::simulation
