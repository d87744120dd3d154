// The connection to one collector: OTLP over HTTP.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/lookup.h"
#include "kube/transport.h"
#include "traces/exporter.h"

namespace modelrun::traces {

using Headers = std::vector<std::pair<std::string, std::string>>;

// Where the spans go. May hold secrets in its headers: never log it.
struct CollectorAddress {
  bool secure = false;  // https
  std::string host{};   // a name, or an address of IPv4
  std::uint16_t port = 0;
  std::string path{};    // begins with '/'
  Headers headers{};     // of each request
  std::string ca_pem{};  // the only CAs to trust; empty: the system's trust store
};

// Parses "http://HOST[:PORT][/PATH]" or https; without a port it is that of the scheme. kInvalid for every other text,
// such as one with a user, a query, a fragment or an
// IPv6 address, which the HTTP client cannot connect to; a name may have IPv6 addresses. The message has no password.
Result<CollectorAddress> parse_collector_url(const std::string& url);

// One connection. Used by one thread at a time.
//
// The name of the collector is resolved on a thread of this class's own, and the HTTP client is given an address: the
// client has a single thread that resolves names, which requests to the API server need too, and a name server that
// does not answer would hold it up. The name is resolved again after each request that was not answered with
// success, and another of its addresses is taken then.
class Collector {
 public:
  explicit Collector(CollectorAddress address, Lookup lookup = system_lookup)
      : address_(std::move(address)), lookup_(std::move(lookup)) {}

  // As Post says (exporter.h). Takes at most five seconds to resolve the name, and ten for the exchange. Follows no
  // redirect, and reads at most 64 KiB of an answer. Errors: those of the look-up and of kube::Transport; kInvalid when
  // the CA cannot be used.
  Result<kube::Response> post(const std::string& body, const std::stop_token& stop);

 private:
  Result<void> connect(const std::stop_token& stop);

  const CollectorAddress address_;
  const Lookup lookup_;
  std::unique_ptr<kube::Transport> transport_;  // null: the name is to be resolved (again)
  std::size_t turn_ = 0;                        // which of several addresses is next
};

}  // namespace modelrun::traces
