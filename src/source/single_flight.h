// Equal work that is asked for at the same time is done once.
#pragma once

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>

#include "base/error.h"

namespace modelrun::source {

// Thread-safe. T is copied to every caller.
template <class T>
class SingleFlight {
 public:
  // The first caller of a key runs `work`; those who come before it ends wait for its answer, or for their own `stop`.
  // When the one who works is stopped, one of those who wait takes over.
  template <class Work>
  Result<T> run(const std::string& key, const std::stop_token& stop, Work&& work) {
    for (;;) {
      const auto [flight, mine] = join(key);
      if (mine) {
        Result<T> answer = work();
        land(key, *flight, answer);
        return answer;
      }
      std::unique_lock lock(flight->mutex);
      if (!flight->landed.wait(lock, stop, [&] { return flight->answer.has_value(); })) {
        return fail(ErrorKind::kCancelled, "stopped");
      }
      const bool given_up = !*flight->answer && flight->answer->error().kind == ErrorKind::kCancelled;
      if (!given_up) return *flight->answer;
    }
  }

 private:
  struct Flight {
    std::mutex mutex;
    std::condition_variable_any landed;
    std::optional<Result<T>> answer;  // guarded by mutex
  };

  std::pair<std::shared_ptr<Flight>, bool> join(const std::string& key) {
    const std::lock_guard lock(mutex_);
    auto& flight = flights_[key];
    const bool mine = !flight;
    if (mine) flight = std::make_shared<Flight>();
    return {flight, mine};
  }

  void land(const std::string& key, Flight& flight, const Result<T>& answer) {
    {
      const std::lock_guard lock(mutex_);
      flights_.erase(key);
    }
    const std::lock_guard lock(flight.mutex);
    flight.answer = answer;
    flight.landed.notify_all();
  }

  std::mutex mutex_;
  std::map<std::string, std::shared_ptr<Flight>> flights_;  // guarded by mutex_
};

}  // namespace modelrun::source
