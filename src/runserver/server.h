// The run server, which the pods of runs talk to: it serves sources and orders and accepts results. It speaks HTTP/1.1
// over TLS; the protocol is defined in api/sandbox.h.
//
// A request is checked in this order: the header itself (400, 413, 431), whether this replica leads (503), path (404),
// method (405), bearer token (401), namespace of the pod (403). Only then the body is read and the handler called. A
// client without a valid token can therefore make the server hold no more than one header and the bytes that arrived
// with it. Connections without an accepted token have places of their own, few for each address; a new one replaces the
// longest idle one of whoever has the most (net/connection_table.h). Of each address only so many tokens in a second
// are looked up that turn out to be refused. What remains of a refused request is read and thrown away, for
// drain_timeout and 32 MiB at most, so that the client can receive the answer.
//
// Usage:
//   auto server = Server::start({.port = 8443}, chain_pem, key_pem, authenticator, handler);
//   (*server)->set_certificate(new_chain_pem, new_key_pem);  // when the certificate was renewed
//   (*server)->stop();                                       // before authenticator and handler are destroyed
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/error.h"
#include "net/connection_limits.h"
#include "net/rate_limit.h"
#include "runserver/handler.h"

namespace modelrun::runserver {

struct ServerOptions {
  std::string address = "0.0.0.0";  // a numeric IP address
  std::uint16_t port = 8443;        // 0: any free port; Server::port() returns it
  int io_threads = 2;               // for the connections and the calls of the Handler
  int work_threads = 4;             // for authenticate() and for decoding results
  // Connections whose token was accepted, and of them those of one address.
  net::ConnectionLimits connections{.total = 2'000, .per_peer = 256, .peers = net::PeersBy::kAddress};
  // Connections on which no token was accepted yet. Each holds some 70 KiB for TLS. They are idle but while a token is
  // looked up, so that a client that does not read its 401 makes room for others.
  net::ConnectionLimits strangers{.total = 512, .per_peer = 32, .peers = net::PeersBy::kAddress};
  // For each address: look-ups of tokens that are refused or under way. One more is answered with 429.
  net::RateOptions stranger_rate{.per_second = 10, .burst = 64};
  std::size_t max_header_bytes = 16U << 10U;
  std::size_t max_queued_work = 1'000;  // jobs queued for or running on work threads; further requests get 503
  // Bytes of results from their arrival until the handler has them, of all pods, and of those of one namespace. They
  // count as they arrive, and those of the unpacked text as well; nothing is reserved for a body that is only
  // announced. A result for which there is no room gets 503. The share of a namespace is room for one result of the
  // largest size that does not get smaller when it is compressed.
  std::size_t max_result_bytes = 64U << 20U;
  std::size_t max_result_bytes_per_namespace = 32U << 20U;

  // Called for each connection that is turned away, with a name of net::TurnedAway, and for each request that is
  // refused because there is too much of something ("tokens", "work", "results"). Must not block. May be empty.
  std::function<void(std::string_view reason)> on_refusal{};
  // Called with 1 when a connection begins and with -1 when it has ended. Must not block. May be empty.
  std::function<void(int change)> on_connection{};

  std::chrono::milliseconds handshake_timeout{10'000};  // for the TLS handshake
  // Between two requests of a connection, once a token of it was accepted; before that header_timeout applies.
  std::chrono::milliseconds idle_timeout{60'000};
  std::chrono::milliseconds header_timeout{10'000};  // from the first byte of a request to the end of its header
  std::chrono::milliseconds body_timeout{60'000};    // for the whole body
  // For each of authenticate(), claim(), and the decoding of a result together with submit(). Then the answer is 503.
  std::chrono::milliseconds handler_timeout{60'000};
  std::chrono::milliseconds write_timeout{30'000};  // for each piece of an answer, i.e. without progress
  std::chrono::milliseconds drain_timeout{2'000};   // how long the rest of a refused request is thrown away
  std::chrono::milliseconds control_wait{25'000};   // how long a control request waits for an order; then 204
  std::chrono::milliseconds stop_grace{5'000};      // how long open requests may go on when the server stops
};

// Owns its threads and sockets. All methods are thread-safe. `authenticator` and `handler` are kept as references and
// must outlive the server. They are not called after stop() has returned, which waits for calls that have begun.
class Server {
 public:
  // Starts the threads; the server listens when this returns. `certificate_chain_pem` has the serving certificate
  // first. kInvalid for a certificate or key that cannot be used or do not match, or for an address that is not an IP
  // address; kUnavailable when the server cannot listen on the address and port.
  static Result<std::unique_ptr<Server>> start(ServerOptions options, const std::string& certificate_chain_pem,
                                               const std::string& key_pem, PodAuthenticator& authenticator,
                                               Handler& handler);
  ~Server();  // stop()
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  [[nodiscard]] std::uint16_t port() const;

  // Sets the certificate for connections that are accepted from now on; open connections keep theirs. kInvalid as in
  // start(); the old certificate then stays in use.
  Result<void> set_certificate(const std::string& certificate_chain_pem, const std::string& key_pem);

  // Stops listening, closes idle connections, and answers waiting control requests with 204. The other requests get up
  // to stop_grace to finish. Then closes every connection and joins the threads. Blocks for all of this, and until
  // running calls of authenticate() have returned. A second call waits for the first and does nothing more. Must not
  // be called on a thread of the server, i.e. from the authenticator or the handler.
  void stop();

  struct Stats {
    std::size_t connections = 0;            // open now
    std::uint64_t requests = 0;             // answered since start(), with any status
    std::uint64_t refused_connections = 0;  // turned away since start() because there were too many
    std::size_t result_bytes = 0;           // of results that the handler does not have yet
  };
  [[nodiscard]] Stats stats() const;

 private:
  struct Impl;
  explicit Server(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace modelrun::runserver
