// What the connections of one server share. Internal to runserver/.
#pragma once

// Beast reads files in pieces of this size; its default of 4 KiB costs a TLS record for each.
#define BOOST_BEAST_FILE_BUFFER_SIZE 32768

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/thread_pool.hpp>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <set>
#include <stop_token>

#include "runserver/handler.h"
#include "runserver/server.h"

namespace modelrun::runserver {

namespace asio = boost::asio;

class Connection;

// Outlives every connection. A callback that the handler keeps holds it weakly.
struct Core {
  Core(ServerOptions given, Authenticator& a, Handler& h)
      : options(std::move(given)),
        authenticator(a),
        handler(h),
        work(static_cast<std::size_t>(options.work_threads)),
        io(options.io_threads) {}

  const ServerOptions options;
  Authenticator& authenticator;
  Handler& handler;

  std::atomic<std::uint64_t> requests{0};
  std::atomic<std::uint64_t> refused{0};
  std::atomic<std::size_t> queued_work{0};
  std::atomic<std::size_t> results{0};  // bodies of results in memory
  std::atomic<bool> stopping{false};
  std::stop_source stop_work;  // fires when the grace of a stop is over

  std::mutex mutex;
  std::condition_variable none_left;
  std::set<Connection*> connections;                // guarded by mutex; removed by ~Connection
  std::shared_ptr<asio::ssl::context> certificate;  // guarded by mutex

  // Last, so that what is left in them goes before the members above.
  asio::thread_pool work;
  asio::io_context io;
};

}  // namespace modelrun::runserver
