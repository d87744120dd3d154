// A listening TCP port, and the threads that run the io_context of a server. It accepts connections and gives each
// one to a callback.
//
// Usage:
//   auto listener = Listener::start(io, {"0.0.0.0", 8443}, 2, [](tcp::socket socket) { serve(std::move(socket)); });
//   ...
//   (*listener)->close();  // no new connections
//   ...                    // end the connections that exist
//   (*listener)->join();   // stop and join the threads
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <cstdint>
#include <functional>
#include <memory>

#include "base/endpoint.h"
#include "base/error.h"

namespace modelrun::net {

// start() and join(), and the destructor, belong to the owner: one thread at a time, and not one of the threads that
// run `io`. port() and close() are thread-safe. The io_context must outlive the Listener, and only the Listener runs
// it.
class Listener {
 public:
  // Called for each accepted connection on one of the threads that run `io`; calls do not overlap. It becomes the
  // owner of the socket, whose executor is a strand of its own. TCP_NODELAY is set. It must not block and must not
  // throw.
  using Take = std::function<void(boost::asio::ip::tcp::socket)>;

  // Binds the address and listens on it before it returns, then runs `io` on `threads` new threads (at least 1).
  // `where.address` is an IP address, not a host name. With `where.port` 0 the system chooses a free port; see
  // port(). Returns kInvalid when the address is not an IP address, and kUnavailable when the port cannot be opened,
  // for example because it is in use. When the system refuses a connection (often for lack of descriptors), a warning
  // is logged and accepting goes on after 100 ms.
  static Result<std::unique_ptr<Listener>> start(boost::asio::io_context& io, const Endpoint& where, int threads,
                                                 Take take);
  ~Listener();  // close(), and join() unless that was done
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  // Returns the port that is listened on.
  [[nodiscard]] std::uint16_t port() const;
  // Stops accepting. Returns at once; the port is closed on one of the threads soon after. Connections that were
  // accepted before are not affected. Calling it again has no effect.
  void close();
  // Stops `io` and joins the threads; blocks until the handlers that run now have returned. Then runs the handlers
  // that are ready in `io` on the calling thread, because they may own connections. Call it once, after close().
  void join();

 private:
  struct Impl;
  explicit Listener(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace modelrun::net
