// The state that the connections of one server share. Internal to runserver/.
#pragma once

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/thread_pool.hpp>
#include <memory>
#include <set>
#include <stop_token>

#include "base/mutex.h"
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
        work(static_cast<std::size_t>(options.work_threads)),
        io(options.io_threads) {}

  const ServerOptions options;
  PodAuthenticator& authenticator;
  Handler& handler;

  std::atomic<std::uint64_t> requests{0};   // answered
  std::atomic<std::uint64_t> refused{0};    // connections over max_connections
  std::atomic<std::size_t> queued_work{0};  // jobs that wait for a work thread or run on one
  std::atomic<std::size_t> results{0};      // connections that hold the body of a result in memory
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
};

}  // namespace modelrun::runserver
