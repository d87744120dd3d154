// One object, followed for as long as it takes.
#pragma once

#include <chrono>
#include <functional>
#include <stop_token>
#include <string>
#include <thread>

#include "base/error.h"
#include "kube/client.h"

namespace modelrun::cli {

struct WatchedObject {
  const kube::Resource& resource;
  std::string namespace_;
  std::string name;
};

// Hands over the object as it is now and then each of its later versions (some may be skipped), until `on_change`
// returns false. A watch that ends, expires (410) or breaks off is taken up again; `on_trouble` hears of the latter.
// kNotFound: there is no such object, it was deleted, or another one has taken its name; kCancelled: `stop`; kDenied
// and kInvalid at once; others only when the very first request fails.
Result<void> watch_object(kube::Client& client, const WatchedObject& object,
                          const std::function<bool(const kube::Json&)>& on_change,
                          const std::function<void(const Error&)>& on_trouble, std::stop_token stop);

// A stop_token that also fires when `limit` has passed. Owns a thread.
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

// Until `stop` or the end of `span`.
void pause(std::chrono::milliseconds span, std::stop_token stop);

}  // namespace modelrun::cli
