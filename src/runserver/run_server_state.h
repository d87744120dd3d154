// The state that the connections of one server share. Internal to runserver/.
#pragma once

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/thread_pool.hpp>
#include <memory>
#include <set>
#include <stop_token>

#include "base/byte_budget.h"
#include "base/mutex.h"
#include "net/connection_table.h"
#include "net/rate_limit.h"
#include "runserver/handler.h"
#include "runserver/server.h"

namespace modelrun::runserver {

namespace asio = boost::asio;

class PodConnection;

// Bytes that are read from a connection at once.
inline constexpr std::size_t kReadSize = 16U << 10U;

// Owned by the Server and by every connection, so that it outlives each of them. The callbacks that the handler keeps
// hold it weakly. `a` and `h` must outlive it.
struct RunServerState {
  RunServerState(ServerOptions given, PodAuthenticator& a, Handler& h)
      : options(std::move(given)),
        authenticator(a),
        handler(h),
        strangers(options.strangers, observer()),
        known(options.connections, observer()),
        stranger_rate(options.stranger_rate),
        result_bytes(options.max_result_bytes, options.max_result_bytes_per_namespace),
        work(static_cast<std::size_t>(options.work_threads)),
        io(options.io_threads) {}

  // Counts a request or connection that is refused because there is too much of something.
  void refuse(std::string_view reason) const {
    if (options.on_refusal) options.on_refusal(reason);
  }
  void turned_away(net::TurnedAway what) {
    refused.fetch_add(1);
    refuse(net::name_of(what));
  }

  const ServerOptions options;
  PodAuthenticator& authenticator;
  Handler& handler;

  std::atomic<std::uint64_t> requests{0};   // answered
  std::atomic<std::uint64_t> refused{0};    // connections that were turned away
  std::atomic<std::size_t> queued_work{0};  // jobs that wait for a work thread or run on one
  net::ConnectionTable strangers;           // connections on which no token was accepted yet
  net::ConnectionTable known;               // the others
  net::RateLimit stranger_rate;             // by address
  ByteBudget result_bytes;                  // by namespace
  std::atomic<bool> stopping{false};        // set at the beginning of Server::stop()
  std::stop_source stop_work;               // requested by Server::stop() after stop_grace

  Mutex mutex;
  CondVar none_left;
  std::set<PodConnection*> connections GUARDED_BY(mutex);  // removed by ~PodConnection
  std::shared_ptr<asio::ssl::context> certificate GUARDED_BY(mutex);

  // These are the last members, so that the operations left in them are destroyed before the members above, which the
  // operations use.
  asio::thread_pool work;
  asio::io_context io;

 private:
  net::ConnectionObserver observer() {
    return {.turned_away = [this](net::TurnedAway what) { turned_away(what); }, .open = options.on_connection};
  }
};

}  // namespace modelrun::runserver
