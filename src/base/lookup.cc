#include "base/lookup.h"

#include <arpa/inet.h>
#include <netdb.h>

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <system_error>
#include <thread>

#include "base/mutex.h"

namespace modelrun {
namespace {

std::string numeric(const sockaddr* address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  const void* bytes = nullptr;
  if (address->sa_family == AF_INET) bytes = &reinterpret_cast<const sockaddr_in*>(address)->sin_addr;
  if (address->sa_family == AF_INET6) bytes = &reinterpret_cast<const sockaddr_in6*>(address)->sin6_addr;
  if (bytes == nullptr || inet_ntop(address->sa_family, bytes, text.data(), text.size()) == nullptr) return {};
  return text.data();
}

Result<std::vector<std::string>> blocking_lookup(const std::string& host) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int status = getaddrinfo(host.c_str(), nullptr, &hints, &found);
  if (status != 0) return fail(ErrorKind::kUnavailable, "resolve {}: {}", host, gai_strerror(status));
  std::vector<std::string> addresses;
  for (const addrinfo* entry = found; entry != nullptr; entry = entry->ai_next) {
    std::string text = numeric(entry->ai_addr);
    if (!text.empty() && std::ranges::find(addresses, text) == addresses.end()) addresses.push_back(std::move(text));
  }
  freeaddrinfo(found);
  return addresses;
}

// Shared by the caller and the look-up thread, because the caller may return first.
struct PendingLookup {
  Mutex mutex;
  CondVar changed;
  std::optional<Result<std::vector<std::string>>> answer GUARDED_BY(mutex);
};

}  // namespace

Result<std::vector<std::string>> system_lookup(const std::string& host, std::chrono::milliseconds timeout,
                                               std::stop_token stop) {
  const auto pending = std::make_shared<PendingLookup>();
  try {
    std::thread([pending, host] {
      auto answer = blocking_lookup(host);
      const MutexLock lock(pending->mutex);
      pending->answer = std::move(answer);
      pending->changed.notify_all();
    }).detach();
  } catch (const std::system_error& error) {
    return fail(ErrorKind::kUnavailable, "resolve {}: no thread can be started: {}", host, error.what());
  }

  MutexLock lock(pending->mutex);
  const bool answered = pending->changed.wait_for(
      pending->mutex, stop, timeout, [&]() REQUIRES(pending->mutex) { return pending->answer.has_value(); });
  if (answered) return *pending->answer;
  if (stop.stop_requested()) return fail(ErrorKind::kCancelled, "resolve {}: stopped", host);
  return fail(ErrorKind::kTimeout, "resolve {}: no answer from the name server in {} ms", host, timeout.count());
}

}  // namespace modelrun
