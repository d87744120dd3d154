// One client's connection: a loop that reads a request, has it handled, and writes the answer. Internal to
// gateway/http.
#pragma once

#include "gateway/http/server_state.h"
// Asio must be included before Beast.
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
#include <stop_token>

namespace modelrun::gateway {

namespace beast = boost::beast;
namespace http = boost::beast::http;

// Its pending operations keep it alive, and so does `self_` while a request is handled. All private methods run on
// one strand, so no member needs a lock. Stream is beast::tcp_stream or beast::ssl_stream<beast::tcp_stream>.
//
// One turn of the loop: await_request, read_header, on_header, ask_gate (if the body has not come yet), read_body,
// on_body, handle, flush (as often as there are bytes), finish_request, and await_request again.
template <class Stream>
class StreamConnection final : public ClientConnection, public std::enable_shared_from_this<StreamConnection<Stream>> {
 public:
  StreamConnection(std::shared_ptr<ServerState> state, Accepted accepted,
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
  void on_handshake(beast::error_code error);
  void await_request();
  void on_first_bytes(beast::error_code error, std::size_t size);
  void read_header();
  void on_header(beast::error_code error, std::size_t size);
  // Asks whether the body is to be read, on a worker if that may block.
  void ask_gate();
  void on_permit(BodyPermit permit);
  void on_go_on(beast::error_code error, std::size_t size);
  void read_body();
  void read_some_body();
  void on_body(beast::error_code error, std::size_t size);
  // The request of which the header has come, without its body. Null if it was refused.
  std::shared_ptr<HttpRequest> make_request();
  void handle();
  // Gives the request to a worker.
  void hand_over(std::shared_ptr<const HttpRequest> request, const std::shared_ptr<HttpExchange>& exchange);
  // True if the server's AtOnce function has taken the request.
  bool answered_at_once(const std::shared_ptr<const HttpRequest>& request,
                        const std::shared_ptr<HttpExchange>& exchange);
  // Sends an answer that comes not from the handler, and then closes the connection.
  void refuse(const HttpAnswer& answer);
  void on_refused(beast::error_code error, std::size_t size);
  void refuse(int status, const char* text) { refuse(plain_problem(status, text)); }
  // Ends the reading of a request that has begun after this time. Unlike the stream's own time-out, which closes the
  // socket, it lets the client have an answer. Replaces the time that was set before.
  void limit_reading(std::chrono::milliseconds span);
  // Cancels the read that is under way after this time, and again every kOnceMore, until reading_timed_out().
  void end_reading_after(std::chrono::milliseconds span);
  // What limit_reading() has begun is over; whether its time was up.
  bool reading_timed_out();

  // Reads while a request is handled, to notice when the client leaves. An error or end of file means that it has
  // left; bytes are the beginning of its next request, sent early.
  void watch_client();
  void on_client_bytes(beast::error_code error, std::size_t size);
  void flush();
  // Writes some of writing_. Each piece has a time-out of its own, so that a client that reads slowly is not given up.
  void write_some();
  void on_written(beast::error_code error, std::size_t size);
  void finish_request();
  // Reads and discards what the client still sends, within a limit of bytes and time, and then closes.
  void drain();
  void on_drained(beast::error_code error, std::size_t size);
  void close();
  auto& lowest() { return beast::get_lowest_layer(stream_); }
  // Returns a completion handler that calls `method` on the strand and keeps this connection alive until then.
  template <class... Args>
  auto then(void (StreamConnection::*method)(Args...)) {
    return asio::bind_executor(
        strand_, [self = this->shared_from_this(), method](Args... args) { (self.get()->*method)(args...); });
  }

  const std::shared_ptr<ServerState> state_;
  const std::shared_ptr<asio::ssl::context> certificate_;
  const std::string peer_, peer_group_;
  const std::unique_ptr<net::ConnectionTable::Place> place_;
  const asio::any_io_executor strand_;  // the socket's own
  Stream stream_;
  // The time-out of limit_reading(). And the idle time-out while watch_client()'s read goes on after the answer: that
  // read was begun without a time-out.
  asio::steady_timer timer_;
  beast::flat_buffer buffer_;
  // This kind of body holds the bytes that have come. http::string_body reserves what Content-Length announces.
  std::optional<http::request_parser<http::basic_dynamic_body<beast::flat_buffer>>> parser_;
  std::stop_source gate_stop_;    // for the question that ask_gate() has asked: fires when the server stops
  std::shared_ptr<Reply> reply_;  // of the request that is handled; null when there is none
  // Set while a request is handled: nothing else keeps this connection alive if the client is not being watched.
  std::shared_ptr<StreamConnection> self_;
  std::string writing_;      // the bytes that are being written
  std::size_t written_ = 0;  // of them
  ByteBudget::Hold body_bytes_;
  std::size_t body_mark_ = 0;  // the size of the body when its time-out was set
  std::size_t drained_ = 0;
  bool reading_ = false;   // the read of watch_client() is pending
  bool flushing_ = false;  // a write of flush() is pending
  bool last_ = false;      // writing_ holds the end of the answer
  bool resume_ = false;    // the answer has been sent; continue when the pending read completes
  bool closing_ = false;
  std::uint64_t reading_turn_ = 0;  // of limit_reading(), so that a time that is over late ends nothing else
  bool timed_out_ = false;
};

}  // namespace modelrun::gateway
