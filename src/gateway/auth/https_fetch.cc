#include "gateway/auth/https_fetch.h"

#include <system_error>
#include <thread>

#include "base/file.h"
#include "base/mutex.h"
#include "gateway/auth/oidc.h"
#include "kube/config.h"
#include "kube/cpprest/cpprest_transport.h"

namespace modelrun::gateway {
namespace {

// Returns a thread that requests a stop of `source` after `time`, unless the thread object is destroyed before.
// `source` must outlive it. Fails with kUnavailable when the process can have no more threads.
Result<std::jthread> alarm(std::stop_source& source, std::chrono::milliseconds time) {
  const auto ring = [&source, time](const std::stop_token& over) {
    Mutex mutex;
    CondVar never;
    MutexLock lock(mutex);
    never.wait_for(mutex, over, time, [] { return false; });
    if (!over.stop_requested()) source.request_stop();
  };
  try {
    return std::jthread(ring);
  } catch (const std::system_error& error) {
    return fail(ErrorKind::kUnavailable, "no thread can be had: {}", error.what());
  }
}

// Uses Transport::stream() because Transport::send() would buffer up to tens of megabytes before the size could be
// checked.
Result<std::string> fetch(kube::Transport& transport, const kube::Request& request, const FetchLimits& limits,
                          const std::stop_token& stop) {
  std::stop_source ending;
  const std::stop_callback forward(stop, [&ending] { ending.request_stop(); });
  const auto timer = alarm(ending, limits.time);
  RETURN_IF_ERROR(timer);
  std::string body;
  bool too_large = false;
  const auto on_data = [&](std::string_view piece) {
    too_large = body.size() + piece.size() > limits.bytes;
    if (!too_large) body += piece;
    return !too_large;
  };
  const auto response = transport.stream(request, limits.time, on_data, ending.get_token());
  if (!response && response.error().kind == ErrorKind::kCancelled && !stop.stop_requested()) {
    return fail(ErrorKind::kTimeout, "no whole answer within {} ms", limits.time.count());
  }
  RETURN_IF_ERROR(response);
  if (!response->ok()) return fail(ErrorKind::kUnavailable, "HTTP status {}", response->status);
  if (too_large) return fail(ErrorKind::kTooLarge, "more than {} bytes", limits.bytes);
  return body;
}

}  // namespace

Fetch https_fetch(std::string ca_file, FetchLimits limits) {
  return [ca_file = std::move(ca_file), limits](const std::string& url, std::stop_token stop) -> Result<std::string> {
    kube::Config config;
    const auto slash = url.find('/', kHttps.size());
    config.server = url.substr(0, slash);
    if (!ca_file.empty()) {
      auto pem = read_file(ca_file);
      if (!pem) return fail(ErrorKind::kInvalid, "caFile {}", pem.error().message);
      config.ca_pem = std::move(*pem);
    }
    const auto transport = kube::make_cpprest_transport(config);
    if (!transport) return fail_in(url, transport.error());
    kube::Request request;
    request.path = slash == std::string::npos ? "/" : url.substr(slash);
    request.max_body_bytes = limits.bytes;  // of an answer that is not 2xx, which comes whole
    auto body = fetch(**transport, request, limits, stop);
    if (!body) return fail_in(url, body.error());
    return body;
  };
}

}  // namespace modelrun::gateway
