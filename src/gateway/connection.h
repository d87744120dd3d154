// One client: a loop of reading a request, having it handled, and writing what comes of it. Internal to gateway/.
#pragma once

#include "gateway/server_core.h"
// Asio before Beast.
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl/ssl_stream.hpp>
#include <optional>

namespace modelrun::gateway {

namespace beast = boost::beast;
namespace http = boost::beast::http;

// Kept alive by its own pending operations; runs on a strand, so that nothing in it needs a lock. Stream is
// beast::tcp_stream or beast::ssl_stream<beast::tcp_stream>.
template <class Stream>
class StreamConnection final : public Connection, public std::enable_shared_from_this<StreamConnection<Stream>> {
 public:
  StreamConnection(std::shared_ptr<Core> core, asio::ip::tcp::socket socket,
                   std::shared_ptr<asio::ssl::context> certificate);
  StreamConnection(const StreamConnection&) = delete;
  StreamConnection& operator=(const StreamConnection&) = delete;
  ~StreamConnection() override;

  void start() override;
  void stop_soon() override;
  void end_request() override;
  void close_now() override;

 private:
  static constexpr bool kTls = !std::is_same_v<Stream, beast::tcp_stream>;

  static Stream make_stream(asio::ip::tcp::socket socket, asio::ssl::context* context);
  void handshake();
  void await_request();
  void read_header();
  void on_header(beast::error_code error);
  void read_body();
  void on_body(beast::error_code error);
  bool reserve_body();
  void release_body();
  void handle();
  bool answered_at_once(const std::shared_ptr<const HttpRequest>& request, const std::shared_ptr<Exchange>& exchange);
  // An answer of the server's own; the connection closes after it.
  void refuse(int status, const char* text);

  // While a request is handled the client should be silent: bytes are its end, or its next request sent early.
  void watch_client();
  void on_client_bytes(beast::error_code error, std::size_t size);
  void flush();
  void on_flushed(beast::error_code error);
  void finish_request();
  void drain();
  void close();
  auto& lowest() { return beast::get_lowest_layer(stream_); }
  // A handler that keeps this connection alive and calls `method` on the strand.
  template <class... Args>
  auto then(void (StreamConnection::*method)(Args...)) {
    return asio::bind_executor(
        strand_, [self = this->shared_from_this(), method](Args... args) { (self.get()->*method)(args...); });
  }

  const std::shared_ptr<Core> core_;
  const std::shared_ptr<asio::ssl::context> certificate_;
  std::string peer_;
  const asio::any_io_executor strand_;  // the socket's own
  Stream stream_;
  asio::steady_timer timer_;  // for the next request, when a read has begun before the last answer was out
  beast::flat_buffer buffer_;
  std::optional<http::request_parser<http::string_body>> parser_;
  std::shared_ptr<Reply> reply_;  // of the request that is handled
  // While one is: nothing else keeps this alive when the client is not watched.
  std::shared_ptr<StreamConnection> self_;
  std::string writing_;
  std::size_t reserved_ = 0;
  std::size_t drained_ = 0;
  bool reading_ = false;  // watch_client's read is pending
  bool flushing_ = false;
  bool last_ = false;    // writing_ holds the end of the answer
  bool resume_ = false;  // the answer is out; go on when the pending read comes
  bool closing_ = false;
};

}  // namespace modelrun::gateway
