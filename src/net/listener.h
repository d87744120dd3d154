// A TCP port whose connections are given to whoever serves them, and the threads that serve them.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <cstdint>
#include <functional>
#include <memory>

#include "base/endpoint.h"
#include "base/error.h"

namespace modelrun::net {

// Thread-safe. `io` must outlive it, and is run by nobody else.
class Listener {
 public:
  // Called for each connection on one of the threads; the socket has a strand of its own. It must not block.
  using Take = std::function<void(boost::asio::ip::tcp::socket)>;

  // Listens when it returns, and runs `io` on `threads` threads. Port 0: any. kInvalid: the address is none;
  // kUnavailable: it cannot be had.
  static Result<std::unique_ptr<Listener>> start(boost::asio::io_context& io, const Endpoint& where, int threads,
                                                 Take take);
  ~Listener();  // close(), join()
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  [[nodiscard]] std::uint16_t port() const;
  // No connection is taken any more; those that are there live on.
  void close();
  // Stops `io`, joins the threads, and runs down what is left in it, which may hold connections. Once.
  void join();

 private:
  struct Impl;
  explicit Listener(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace modelrun::net
