// Keeps the first and the last part of an output stream of any length in bounded memory.
#pragma once

#include <string>
#include <string_view>

#include "api/sandbox.h"

namespace modelrun::sandbox {

// Holds at most `limit` bytes of the stream. Not thread-safe.
class StreamCapture {
 public:
  // Keeps limit / 2 bytes of each end. A limit below kLeast is raised to kLeast.
  explicit StreamCapture(std::size_t limit);

  void append(std::string_view bytes);

  // Returns what is kept so far. A stream that fits is returned whole in `head`. The text is valid UTF-8: when the
  // middle of the stream was dropped, a character that the cut splits is left out, and every other byte that is not
  // UTF-8 becomes U+FFFD. The replacement makes the text longer than the bytes that were held.
  [[nodiscard]] api::CapturedStream finish() const;

  static constexpr std::size_t kLeast = 64;

 private:
  std::size_t half_;
  std::string head_;
  std::string ring_;  // the last bytes; once it holds half_ bytes, its oldest byte is at ring_at_
  std::size_t ring_at_ = 0;
  std::uint64_t total_ = 0;
};

}  // namespace modelrun::sandbox
