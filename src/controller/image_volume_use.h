// What a term knows about image volumes in this cluster.
#pragma once

#include <atomic>
#include <string_view>

namespace modelrun::controller {

// Thread-safe.
class ImageVolumeUse {
 public:
  // `offered`: the API server has image volumes.
  explicit ImageVolumeUse(bool offered) : usable_(offered) {}

  // The API server has them, and no node was seen that has none.
  [[nodiscard]] bool usable() const { return usable_; }
  // Call when a node has none. It holds for the rest of the term and for all nodes, because the scheduler chooses among
  // them later: pods that are made from now on start in the way that works everywhere. Logs `why` the first time.
  void give_up(std::string_view why);

 private:
  std::atomic<bool> usable_;
};

}  // namespace modelrun::controller
