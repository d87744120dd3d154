// For tests of code that holds a large document as objects.
#pragma once

#include <atomic>
#include <optional>
#include <thread>

#include "base/large_document.h"

namespace modelrun::fakes {

// Another thread that asks for the turn of a large document. Declare it where the turn is not held: the destructor
// waits for that thread.
class OtherLargeDocument {
 public:
  // Returns whether the other thread has to wait. Call it once, where the turn should be held.
  [[nodiscard]] bool has_to_wait() {
    thread_.emplace([this] {
      const LargeDocument turn(kLargeDocumentBytes + 1);
      got_it_ = true;
    });
    while (!got_it_ && LargeDocument::waiting() == 0) std::this_thread::yield();
    return !got_it_;
  }

 private:
  std::atomic<bool> got_it_ = false;
  std::optional<std::jthread> thread_;
};

}  // namespace modelrun::fakes
