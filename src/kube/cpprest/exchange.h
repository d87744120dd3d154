// One request and its answer, shared by the thread that waits for it and the library's thread that receives it.
// Private to kube/cpprest.
#pragma once

#include <cpprest/http_msg.h>
#include <pplx/pplxtasks.h>

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

#include "base/error.h"
#include "kube/transport.h"

namespace modelrun::kube {

// Thrown into the library when a pooled connection turns out to be closed: nothing has been sent on it.
struct StaleConnection {};

// How an exchange went.
struct Outcome {
  Result<Response> result;
  bool stale = false;  // a closed connection: surely not sent, send it again
};

// Thread-safe. Bytes wait here until the caller's thread takes them, so that what it does with them (parsing, other
// requests) neither holds up the library's only thread nor can outlive the call. Both sides hold it by shared_ptr: the
// caller may leave before the library is done.
class Exchange {
 public:
  using Point = std::chrono::steady_clock::time_point;

  // The caller's side: waits for the whole answer, at most until `deadline`.
  Outcome wait(Point deadline, std::stop_token stop);
  // The caller's side: hands a 2xx body to `on_data` as it comes.
  Outcome wait_stream(std::chrono::milliseconds idle_timeout, const OnData& on_data, std::stop_token stop);

  [[nodiscard]] pplx::cancellation_token token() const { return cancel_.get_token(); }

  // The library's side.
  void sending();  // throws when the caller has left
  void headers(int status, std::optional<std::chrono::seconds> retry_after);
  pplx::task<std::size_t> received(const std::uint8_t* data, std::size_t size);
  void finished(std::optional<Error> error, bool stale = false);

 private:
  // All: mutex_ is held.
  [[nodiscard]] bool collecting() const { return !streaming_ || (status_ != 0 && status_ / 100 != 2); }
  [[nodiscard]] bool deliverable() const { return streaming_ && !inbox_.empty() && status_ / 100 == 2; }
  Outcome end(std::unique_lock<std::mutex>& lock, std::stop_token stop);
  void abandon(std::unique_lock<std::mutex>& lock);
  void unblock(std::unique_lock<std::mutex>& lock);

  pplx::cancellation_token_source cancel_;
  std::mutex mutex_;  // guards all that follows
  std::condition_variable_any changed_;
  bool streaming_ = false;
  bool connected_ = false;
  bool abandoned_ = false;
  bool finished_ = false;
  bool stale_ = false;
  int status_ = 0;  // 0: no headers yet
  std::optional<std::chrono::seconds> retry_after_;
  std::optional<Error> error_;
  std::string inbox_;
  Point last_byte_ = std::chrono::steady_clock::now();
  // Set while the library waits for room in inbox_.
  std::optional<pplx::task_completion_event<std::size_t>> blocked_;
  std::size_t blocked_size_ = 0;
};

// A stream for the library to write an answer's body to.
concurrency::streams::ostream body_sink(std::shared_ptr<Exchange> exchange);
// A stream for it to read a request's body from. It cannot be rewound: cpprestsdk sends a request again, whatever its
// method, when a connection breaks before the answer, unless its body cannot be rewound.
concurrency::streams::istream body_source(const std::string& body);

}  // namespace modelrun::kube
