// Waiting for another thread without a fixed sleep.
#pragma once

#include <chrono>
#include <functional>
#include <thread>

namespace modelrun {

// True as soon as `done()` holds; false after a minute, which only a test that fails takes.
inline bool eventually(const std::function<bool()>& done) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::minutes{1};
  while (std::chrono::steady_clock::now() < deadline) {
    if (done()) return true;
    std::this_thread::yield();
  }
  return done();
}

}  // namespace modelrun
