// How requests reach the API server. One implementation speaks HTTPS (kube/cpprest), others live in tests/fakes.
#pragma once

#include <chrono>
#include <functional>
#include <stop_token>
#include <string_view>

#include "base/error.h"
#include "kube/request.h"

namespace modelrun::kube {

// Takes one piece of a body, valid during the call only; false ends the stream. Never called after stream() returned.
using OnData = std::function<bool(std::string_view)>;

// Thread-safe. Any HTTP answer, also 404 or 500, is a Response; an Error means that there was none:
// kUnavailable: no connection, or it broke off; kTimeout: no (whole) answer in time; kCancelled: `stop` was requested;
// kDenied: no credential could be had. After kTimeout and after kUnavailable from a broken connection a write may have
// been carried out all the same: read again before doing it again. Stopping takes effect within milliseconds.
class Transport {
 public:
  virtual ~Transport() = default;

  virtual Result<Response> send(const Request& request, std::stop_token stop) = 0;

  // Hands the body of a 2xx answer to `on_data` piece by piece and returns the Response without a body when the server
  // ends it or `on_data` returned false; other answers come back whole. kTimeout when not a byte came for
  // `idle_timeout`. `request.timeout` is not looked at. `on_data` is called on the caller's thread.
  virtual Result<Response> stream(const Request& request, std::chrono::milliseconds idle_timeout, const OnData& on_data,
                                  std::stop_token stop) = 0;
};

}  // namespace modelrun::kube
