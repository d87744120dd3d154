// Work whose memory is many times a large result, which one run at a time may do: the reading of a durable copy, and the
// passes that put a large result into the API server. What a tenant's models leave does not decide how much memory
// the operator needs.
#pragma once

#include <atomic>
#include <cstddef>

#include "base/error.h"

namespace modelrun::controller {

// A result of more bytes than this is large. Of smaller ones each worker may have one.
inline constexpr std::size_t kLargeResult = 512 * 1024;

class LargeWork {
 public:
  // One run's claim to do such work during a pass. Used by one thread.
  class Turn {
   public:
    explicit Turn(LargeWork& work) : work_(work) {}
    ~Turn() {
      if (held_) work_.taken_.store(false);
    }
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;

    // Success: the turn is this run's until this object is destroyed. kConflict: another run has it; the pass is to be
    // repeated later, and its queue spaces the tries. Does not block.
    Result<void> take() {
      if (held_ || !work_.taken_.exchange(true)) {
        held_ = true;
        return {};
      }
      return fail(ErrorKind::kConflict, "the large result of another run is being worked on");
    }

   private:
    LargeWork& work_;
    bool held_ = false;
  };

 private:
  std::atomic<bool> taken_{false};
};

}  // namespace modelrun::controller
