// Does equal work only once when several threads ask for it at the same time.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include "base/error.h"
#include "base/mutex.h"

namespace modelrun::source {

// Thread-safe. T must be copyable, since every caller gets a copy. Must outlive the calls on it.
template <class T>
class SingleFlight {
 public:
  // The first caller for a key runs `work`, a function that returns Result<T>. Callers for the same key that arrive
  // before it has ended wait and get the same result. When the result is kCancelled, one of the waiting callers runs
  // its own `work` instead. The result is not remembered after that.
  //
  // Blocks. A waiting caller returns kCancelled when its own `stop` is requested; `work` has to watch its stop token
  // itself. When it throws, those that wait get kInternal. It must not call run() for the same key.
  template <class Work>
  Result<T> run(const std::string& key, const std::stop_token& stop, Work&& work) {
    for (;;) {
      const auto [flight, mine] = join(key);
      if (mine) {
        Landing landing{*this, key, *flight, fail(ErrorKind::kInternal, "the work was given up by an exception")};
        landing.answer = work();
        return landing.answer;
      }
      MutexLock lock(flight->mutex);
      if (!flight->landed.wait(flight->mutex, stop,
                               [&]() REQUIRES(flight->mutex) { return flight->answer.has_value(); })) {
        return fail(ErrorKind::kCancelled, "stopped");
      }
      const bool given_up = !*flight->answer && flight->answer->error().kind == ErrorKind::kCancelled;
      if (!given_up) return *flight->answer;
    }
  }

 private:
  struct Flight {
    Mutex mutex;
    CondVar landed;
    std::optional<Result<T>> answer GUARDED_BY(mutex);
  };

  // Lands the flight at the end of its scope.
  struct Landing {
    SingleFlight& flights;
    const std::string& key;
    Flight& flight;
    Result<T> answer;
    ~Landing() { flights.land(key, flight, answer); }
  };

  std::pair<std::shared_ptr<Flight>, bool> join(const std::string& key) {
    const MutexLock lock(mutex_);
    auto& flight = flights_[key];
    const bool mine = !flight;
    if (mine) flight = std::make_shared<Flight>();
    return {flight, mine};
  }

  void land(const std::string& key, Flight& flight, const Result<T>& answer) {
    {
      const MutexLock lock(mutex_);
      flights_.erase(key);
    }
    const MutexLock lock(flight.mutex);
    flight.answer = answer;
    flight.landed.notify_all();
  }

  Mutex mutex_;
  std::map<std::string, std::shared_ptr<Flight>> flights_ GUARDED_BY(mutex_);
};

}  // namespace modelrun::source
