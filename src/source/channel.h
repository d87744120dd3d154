// One connection over a Unix socket, with a deadline for all that happens on it. Internal to source/.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <chrono>
#include <cstddef>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/fd.h"

namespace modelrun::source {

// Used by one thread at a time. Every function blocks until it is done, until the deadline (kTimeout, unless all that
// it takes is there already) or until `stop` is requested (kCancelled), and fails with kUnavailable when the connection
// ends or cannot be made. After an error the channel must not be used again, except that what came before the other
// side closed the connection may be read.
class Channel {
 public:
  using Instant = std::chrono::steady_clock::time_point;

  Channel(Instant deadline, std::stop_token stop) : deadline_(deadline), stop_(std::move(stop)) {}
  // Takes over a connection that exists.
  Channel(UniqueFd connection, Instant deadline, std::stop_token stop);
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;

  Result<void> connect(const std::string& path);
  Result<void> write(std::string_view bytes);
  // Fills `bytes`.
  Result<void> read(std::span<char> bytes);

  // Frames: see wire.h. read_frame() fails with kTooLarge when a frame of more than `limit` bytes is announced.
  Result<void> write_frame(std::string_view bytes);
  Result<std::string> read_frame(std::size_t limit);

  void set_deadline(Instant deadline) { deadline_ = deadline; }

 private:
  template <class Start>
  Result<void> run(Start start);

  Instant deadline_;
  std::stop_token stop_;
  boost::asio::io_context io_;
  boost::asio::local::stream_protocol::socket socket_{io_};
};

}  // namespace modelrun::source
