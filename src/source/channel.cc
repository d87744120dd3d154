#include "source/channel.h"

#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <cstdint>
#include <optional>

#include "source/wire.h"

namespace modelrun::source {

namespace asio = boost::asio;
using ErrorCode = boost::system::error_code;

Channel::Channel(UniqueFd connection, Instant deadline, std::stop_token stop) : Channel(deadline, std::move(stop)) {
  ErrorCode error;
  socket_.assign(asio::local::stream_protocol(), connection.get(), error);
  if (!error) (void)connection.release();
}

// Runs the operation that `start` begins with the handler that it gets. Every handler has been called when this
// function returns.
template <class Start>
Result<void> Channel::run(Start start) {
  std::optional<ErrorCode> end;
  const auto close = [this] {
    ErrorCode ignored;
    socket_.close(ignored);
  };
  {
    const std::stop_callback on_stop(stop_, [&] { asio::post(io_, close); });
    start([&end](ErrorCode error, auto...) { end = error; });
    io_.restart();
    io_.run_until(deadline_);
  }
  // What is there already is taken: a complete answer is not lost for the time that its reader took.
  if (!end) io_.poll();
  const bool late = !end;
  if (late) close();
  io_.restart();
  io_.run();
  if (end && !*end) return {};
  if (stop_.stop_requested()) return fail(ErrorKind::kCancelled, "stopped");
  if (late) return fail(ErrorKind::kTimeout, "not finished in time");
  return fail(ErrorKind::kUnavailable, "{}", end->message());
}

Result<void> Channel::connect(const std::string& path) {
  asio::local::stream_protocol::endpoint endpoint;
  try {
    endpoint.path(path);
  } catch (const boost::system::system_error& error) {
    return fail(ErrorKind::kInvalid, "{}: {}", path, error.what());
  }
  return run([&](auto done) { socket_.async_connect(endpoint, done); });
}

Result<void> Channel::write(std::string_view bytes) {
  return run([&](auto done) { asio::async_write(socket_, asio::buffer(bytes.data(), bytes.size()), done); });
}

Result<void> Channel::read(std::span<char> bytes) {
  return run([&](auto done) { asio::async_read(socket_, asio::buffer(bytes.data(), bytes.size()), done); });
}

Result<void> Channel::write_frame(std::string_view bytes) {
  return write(framed(bytes));
}

Result<std::string> Channel::read_frame(std::size_t limit) {
  std::array<char, 4> head{};
  RETURN_IF_ERROR(read(head));
  std::size_t size = 0;
  for (const char byte : head) size = size << 8U | static_cast<unsigned char>(byte);
  if (size > limit) return fail(ErrorKind::kTooLarge, "a message of {} bytes", size);
  std::string bytes(size, '\0');
  RETURN_IF_ERROR(read(bytes));
  return bytes;
}

}  // namespace modelrun::source
