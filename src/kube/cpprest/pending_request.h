// One request and its answer. The caller's thread, which waits for the answer, shares it with the worker thread of
// cpprestsdk ("the library"), which receives the answer. Private to kube/cpprest.
//
//   auto exchange = std::make_shared<PendingRequest>(request.max_body_bytes);
//   message.set_response_stream(body_sink(exchange));
//   client.request(message, exchange->token())...;       // its continuations call headers() and finished()
//   RequestEnd outcome = exchange->wait(deadline, stop);    // or wait_stream(); one of them, once
#pragma once

#include <cpprest/http_msg.h>
#include <pplx/pplxtasks.h>

#include <chrono>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/mutex.h"
#include "kube/transport.h"

namespace modelrun::kube {

// Thrown into the library, before it sends a request, when the pooled connection that it is about to use is closed.
// At that time nothing of the request has been sent.
struct StaleConnection {};

// How an exchange ended.
struct RequestEnd {
  Result<Response> result;
  bool stale = false;  // the connection was closed before the request was sent, so it may be sent again
};

// Thread-safe. Received bytes are kept here until the caller's thread takes them. So the work that the caller does
// with them (parsing, other requests) does not block the library's only worker thread, and no callback runs after the
// call. Both sides hold the exchange by shared_ptr, because the caller may leave before the library has finished.
class PendingRequest {
 public:
  using Point = std::chrono::steady_clock::time_point;

  explicit PendingRequest(std::size_t max_body) : max_body_(max_body) {}

  // For the caller: waits for the whole answer. kTimeout at `deadline`, kCancelled when `stop` is requested; the
  // exchange is then cancelled. kTooLarge for a body of more than `max_body` bytes. Otherwise the result that
  // finished() was given.
  RequestEnd wait(Point deadline, std::stop_token stop);
  // For the caller: calls `on_data` with the body of a 2xx answer as it arrives, and returns an answer without a
  // body. The body of another answer is collected and returned. kTimeout when no byte arrives for `idle_timeout`.
  RequestEnd wait_stream(std::chrono::milliseconds idle_timeout, const OnData& on_data, std::stop_token stop);

  [[nodiscard]] pplx::cancellation_token token() const { return cancel_.get_token(); }

  // The following are for the library's thread. None of them blocks.
  // To be called when the request is being sent, so the connection is up. Throws when the caller has left.
  void sending();
  // To be called when the status line and the headers have arrived.
  void headers(int status, std::optional<std::chrono::seconds> retry_after);
  // Takes a piece of the body; never fails. While a stream has 1 MiB waiting for the caller, the returned task is not
  // done until the caller has taken it, which makes the library stop reading.
  pplx::task<std::size_t> received(const std::uint8_t* data, std::size_t size);
  // Ends the exchange with the answer, or with `error`. Only the first call counts.
  void finished(std::optional<Error> error, bool stale = false);

 private:
  // Those that take the lock release it for a moment, which the analysis cannot follow into them.
  [[nodiscard]] bool collecting() const REQUIRES(mutex_) { return !streaming_ || (status_ != 0 && status_ / 100 != 2); }
  [[nodiscard]] bool deliverable() const REQUIRES(mutex_) {
    return streaming_ && !inbox_.empty() && status_ / 100 == 2;
  }
  RequestEnd end(MutexLock& lock, std::stop_token stop) REQUIRES(mutex_) NO_THREAD_SAFETY_ANALYSIS;
  void abandon(MutexLock& lock) REQUIRES(mutex_) NO_THREAD_SAFETY_ANALYSIS;
  void unblock(MutexLock& lock) REQUIRES(mutex_) NO_THREAD_SAFETY_ANALYSIS;

  const std::size_t max_body_;
  pplx::cancellation_token_source cancel_;
  Mutex mutex_;
  CondVar changed_;
  bool streaming_ GUARDED_BY(mutex_) = false;
  bool connected_ GUARDED_BY(mutex_) = false;
  bool abandoned_ GUARDED_BY(mutex_) = false;
  bool finished_ GUARDED_BY(mutex_) = false;
  bool stale_ GUARDED_BY(mutex_) = false;
  int status_ GUARDED_BY(mutex_) = 0;  // 0: no headers yet
  std::optional<std::chrono::seconds> retry_after_ GUARDED_BY(mutex_);
  std::optional<Error> error_ GUARDED_BY(mutex_);
  std::string inbox_ GUARDED_BY(mutex_);
  Point last_byte_ GUARDED_BY(mutex_) = std::chrono::steady_clock::now();
  // Has a value while the library waits for room in inbox_; then blocked_size_ is the result that its task gets.
  std::optional<pplx::task_completion_event<std::size_t>> blocked_ GUARDED_BY(mutex_);
  std::size_t blocked_size_ GUARDED_BY(mutex_) = 0;
};

// Makes the stream to which the library writes the body of an answer.
concurrency::streams::ostream body_sink(std::shared_ptr<PendingRequest> exchange);
// Makes the stream from which the library reads the body of a request; copies `body`. The stream cannot be rewound on
// purpose: when a connection breaks before the answer, cpprestsdk sends the request again, whatever its method,
// unless the body cannot be rewound.
concurrency::streams::istream body_source(const std::string& body);

}  // namespace modelrun::kube
