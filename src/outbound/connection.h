// A connection to one server outside of the cluster's API that the administrator has named: a collector of traces, a
// sink of events. Nothing that a tenant writes gets here.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/lookup.h"
#include "kube/transport.h"

namespace modelrun::outbound {

using Headers = std::vector<std::pair<std::string, std::string>>;

// May hold secrets in its headers: never log it.
struct Address {
  bool secure = false;  // https
  std::string host{};   // a name, or an address of IPv4
  std::uint16_t port = 0;
  std::string path{};    // begins with '/'
  Headers headers{};     // of each request
  std::string ca_pem{};  // the only CAs to trust; empty: the system's trust store
};

// Parses "http://HOST[:PORT][/PATH]" or https; without a port it is that of the scheme. kInvalid for every other text,
// such as one with a user, a query, a fragment or an IPv6 address, which the HTTP client cannot connect to; a name may
// have IPv6 addresses. The message has no password, and calls the URL that of `what`, such as "a collector such as
// http://collector.example.com:4318".
Result<Address> parse_url(const std::string& url, std::string_view what);

// What is posted. The names and values of the headers are what RFC 9110 allows.
struct Message {
  std::string body;
  std::string content_type;
  Headers headers{};
  std::chrono::milliseconds timeout{10'000};  // for the exchange, without the look-up of the name
};

// One connection. Used by one thread at a time.
//
// The name of the server is resolved on a thread of this class's own, and the HTTP client is given an address: the
// client has a single thread that resolves names, which requests to the API server need too, and a name server that
// does not answer would hold it up. The name is resolved again after each request that was not answered with
// success, and another of its addresses is taken then.
class Connection {
 public:
  explicit Connection(Address address, Lookup lookup = system_lookup)
      : address_(std::move(address)), lookup_(std::move(lookup)) {}

  // Posts the message once and returns the answer, whatever its status. Blocks: at most five seconds to resolve the
  // name, and the message's time-out for the exchange; ends soon after `stop` is requested. Follows no redirect, and
  // reads at most 64 KiB of an answer. Errors: those of the look-up and of kube::Transport (kTooLarge for a longer
  // answer); kInvalid when the CA cannot be used. `stage` begins their messages: "send spans".
  Result<kube::Response> post(std::string_view stage, const Message& message, const std::stop_token& stop);

 private:
  Result<void> connect(const std::stop_token& stop);

  const Address address_;
  const Lookup lookup_;
  std::unique_ptr<kube::Transport> transport_;  // null: the name is to be resolved (again)
  std::size_t turn_ = 0;                        // which of several addresses is next
};

}  // namespace modelrun::outbound
