// Keeps watches of the API server up, and follows one object until a condition holds; also the timers that such waiting
// needs.
#pragma once

#include <chrono>
#include <functional>
#include <stop_token>
#include <string>
#include <thread>

#include "base/error.h"
#include "kube/client.h"

namespace modelrun::cli {

inline constexpr std::chrono::seconds kWatchTimeout{290};  // ends a watch before load balancers cut the connection
inline constexpr std::chrono::seconds kWatchIdle{330};

// What keep_watching() lists and watches. Used by one thread.
class Watched {
 public:
  virtual ~Watched() = default;
  // No more is to be seen.
  [[nodiscard]] virtual bool done() const = 0;
  // A list has succeeded: from then on, what can be retried is.
  [[nodiscard]] virtual bool seen() const = 0;
  // Reads what there is, and the resourceVersion from which watch() goes on.
  virtual Result<void> list(const std::stop_token& stop) = 0;
  // Watches until the server ends the watch (success), all is done(), or an error.
  virtual Result<void> watch(const std::stop_token& stop) = 0;
};

// Lists, then watches. When the server ends the watch in the regular way, another one begins where it ended. After any
// other end that can be retried (kUnavailable, kTimeout, kThrottled, kGone), it pauses for 250 ms, and twice as long
// after each further failure in a row, up to 5 s; then it lists again. `on_trouble` is called before each such pause,
// except when a watch expired (kGone, HTTP 410) or was idle for too long (kTimeout): those are normal. Succeeds when
// all is done(). Fails with kCancelled when `stop` is requested, otherwise as list() and watch() do: with one of the
// four kinds above only while nothing was seen(). Blocks, without a time limit of its own: see Deadline.
Result<void> keep_watching(Watched& watched, const std::function<void(const Error&)>& on_trouble,
                           const std::stop_token& stop);

struct WatchedObject {
  const kube::Resource& resource;  // must outlive the call
  std::string namespace_;
  std::string name;
};

// Calls `on_change` with the object as it is now and then with its later versions (some may be skipped, and one may
// be given twice) until `on_change` returns false; then it succeeds. Both callbacks are called on the caller's thread.
// Lists, watches and retries as keep_watching() does.
//
// Fails with
//   kNotFound   the object does not exist, was deleted, or was replaced by another one of the same name (its UID has
//               changed)
//   kCancelled  `stop` was requested, even when `on_change` has just returned false
//   others      as kube::Client does: one of the four kinds above only while the object has not been read at all,
//               any other kind at once
Result<void> watch_object(kube::Client& client, const WatchedObject& object,
                          const std::function<bool(const kube::Json&)>& on_change,
                          const std::function<void(const Error&)>& on_trouble, std::stop_token stop);

// A stop_token on which a stop is requested as soon as `outer` is stopped or `limit` has passed since construction.
// To tell the two apart, ask `outer`. The token may be used from any thread. Owns a thread, which the destructor
// joins without waiting for the limit.
class Deadline {
 public:
  Deadline(std::stop_token outer, std::chrono::seconds limit);
  ~Deadline();
  Deadline(const Deadline&) = delete;
  Deadline& operator=(const Deadline&) = delete;
  [[nodiscard]] std::stop_token token() const { return source_.get_token(); }

 private:
  std::stop_source source_;
  std::stop_callback<std::function<void()>> outer_;
  std::jthread timer_;
};

// Blocks until `stop` is requested or `span` has passed.
void pause(std::chrono::milliseconds span, std::stop_token stop);

}  // namespace modelrun::cli
