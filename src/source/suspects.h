// Remembers which repositories modelrun-source was working on when it died. A repository that kills it again and again
// must not keep it from working for all others.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <string>

#include "base/error.h"
#include "base/mutex.h"

namespace modelrun::source {

// Thread-safe. A death counts against all repositories that were worked on, since nobody can tell which one it was: they
// are suspects. Suspects are worked on one at a time, so that the next death tells. One that has been there for
// kDeaths deaths is refused for a time, which doubles with each death that follows. A request that is answered clears
// its repository.
class Suspects {
 public:
  using Instant = std::chrono::steady_clock::time_point;
  static constexpr std::uint32_t kDeaths = 3;
  static constexpr std::chrono::minutes kRefusal{10};  // the first one
  static constexpr std::chrono::hours kLongestRefusal{6};
  static constexpr std::size_t kMaxRemembered = 10'000;  // the one whose last death is the longest ago is forgotten

  explicit Suspects(std::function<Instant()> now = std::chrono::steady_clock::now) : now_(std::move(now)) {}

  // Asks to work on `repository`. kTooLarge while it is refused; kUnavailable if it is a suspect and another one is
  // being worked on. Returns the time; after success one of the other functions must be called.
  Result<Instant> begin(const std::string& repository);
  // The work has led to an answer of any kind.
  void answered(const std::string& repository);
  // Nobody waits for the answer any more, or it took too long.
  void given_up(const std::string& repository);
  // Returns the error for the request: kUnavailable, or kTooLarge if the repository is refused from now on. `begun` is
  // what begin() returned: several requests for a repository may end by one death, which counts once.
  Error died(const std::string& repository, Instant begun);

 private:
  struct Suspect {
    std::uint32_t deaths = 0;
    std::uint32_t working = 0;  // requests under way
    Instant last_death;
  };
  [[nodiscard]] static Instant refused_until(const Suspect& suspect);
  void make_room() REQUIRES(mutex_);

  const std::function<Instant()> now_;
  Mutex mutex_;
  std::map<std::string, Suspect> suspects_ GUARDED_BY(mutex_);
};

}  // namespace modelrun::source
