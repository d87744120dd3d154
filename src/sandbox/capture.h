// Keeps the first and the last part of a stream of any length in bounded memory.
#pragma once

#include <string>
#include <string_view>

#include "api/sandbox.h"

namespace modelrun::sandbox {

// Not thread-safe. Holds at most `limit` bytes.
class StreamCapture {
 public:
  // Half of `limit` for each end; a limit below kLeast is raised to it.
  explicit StreamCapture(std::size_t limit);

  void append(std::string_view bytes);

  // Valid UTF-8: characters cut in two at an inner border are left out, other bytes that are no UTF-8 become U+FFFD.
  [[nodiscard]] api::CapturedStream finish() const;

  static constexpr std::size_t kLeast = 64;

 private:
  std::size_t half_;
  std::string head_;
  std::string ring_;  // once full, the oldest byte is at ring_at_
  std::size_t ring_at_ = 0;
  std::uint64_t total_ = 0;
};

}  // namespace modelrun::sandbox
