// Remembers which repositories modelrun-source was working on when it died. A repository that kills it again and again
// must not keep it from working for all others.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <utility>

#include "base/error.h"
#include "base/mutex.h"

namespace modelrun::source {

// Thread-safe; must outlive its tickets. A repository is known by the namespace that asks for it and by its URL, so
// that what one namespace does with a repository changes nothing for another one.
//
// When the whole program dies, nobody can tell which request it was: all repositories that were worked on become
// suspects. Suspects are worked on one at a time, so that the next death tells, and counts. When the process of one
// request dies, that counts at once. A repository at which kDeaths deaths were counted is refused for a time, which
// doubles with each death that follows. A fetch that succeeds takes one death away, and clears a suspect that has none;
// so does kLongestRefusal without a death.
class Suspects {
 public:
  using Instant = std::chrono::steady_clock::time_point;
  static constexpr std::uint32_t kDeaths = 3;
  static constexpr std::chrono::minutes kRefusal{10};  // the first one
  static constexpr std::chrono::hours kLongestRefusal{6};
  // Beyond these the suspect whose last death is the longest ago is forgotten: of the namespace, or of all.
  static constexpr std::size_t kMaxOfNamespace = 100;
  static constexpr std::size_t kMaxRemembered = 10'000;

  enum class Death {
    kProgram,  // all requests ended
    kRequest,  // only the process of this one did
  };

  // Permission to work on a repository. Given up by the destructor, if neither of the functions was called. Move-only.
  class Ticket {
   public:
    Ticket() = default;
    Ticket(Ticket&& other) noexcept { *this = std::move(other); }
    Ticket& operator=(Ticket&& other) noexcept {
      std::swap(suspects_, other.suspects_);
      std::swap(key_, other.key_);
      std::swap(suspect_, other.suspect_);
      return *this;
    }
    Ticket(const Ticket&) = delete;
    Ticket& operator=(const Ticket&) = delete;
    ~Ticket();
    // The repository was fetched. May be called once, and not after died().
    void fetched();
    // Returns the error for the request (kUnavailable). May be called once, and not after fetched().
    Error died(Death death);

   private:
    friend class Suspects;
    using Key = std::pair<std::string, std::string>;  // the namespace and the URL
    Ticket(Suspects& suspects, Key key, bool suspect) : suspects_(&suspects), key_(std::move(key)), suspect_(suspect) {}
    Suspects* suspects_ = nullptr;
    Key key_;
    bool suspect_ = false;  // it was one when the work began, and is the only one that is worked on
  };

  explicit Suspects(std::function<Instant()> now = std::chrono::steady_clock::now) : now_(std::move(now)) {}

  // Asks to work on a repository. kUnavailable while it is refused, or if it is a suspect and another one is being
  // worked on.
  Result<Ticket> begin(std::string namespace_, std::string url);

 private:
  struct Suspect {
    std::uint32_t deaths = 0;
    bool working = false;
    Instant last_death;
  };
  using Table = std::map<Ticket::Key, Suspect>;
  [[nodiscard]] static Instant refused_until(const Suspect& suspect);
  void make_room(const std::string& namespace_) REQUIRES(mutex_);
  void release(const Ticket& ticket) REQUIRES(mutex_);

  const std::function<Instant()> now_;
  Mutex mutex_;
  Table suspects_ GUARDED_BY(mutex_);
};

}  // namespace modelrun::source
