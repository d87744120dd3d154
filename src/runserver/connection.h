// One client: a loop of reading a request, asking the handler, and writing the answer. Internal to runserver/.
#pragma once

#include "runserver/core.h"
// After core.h, which sets Beast's buffer size.
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl/ssl_stream.hpp>
#include <memory>
#include <optional>
#include <string>

#include "runserver/route.h"

namespace modelrun::runserver {

namespace beast = boost::beast;
namespace http = boost::beast::http;

// Kept alive by its own pending operations; runs on a strand, so that nothing in it needs a lock. Every wait has a
// time-out: the stream's while bytes are awaited, timer_ while the handler is.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(std::shared_ptr<Core> core, asio::ip::tcp::socket socket, std::shared_ptr<asio::ssl::context> context);
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection();

  // Counted in core.connections from here to the destructor.
  void start();
  // From any thread: ends idle connections and long polls, and the others after their answer.
  void stop_soon();
  // From any thread.
  void close_now();

 private:
  enum class Wait { kNothing, kHandler, kOrders };

  // Reading (connection_read.cc)
  void handshake();
  void await_request();
  void read_header();
  void on_header(beast::error_code error);
  void check_header();
  void authenticate(std::string token);
  void on_identity(Result<PodIdentity> identity);
  void read_body();
  void on_body(beast::error_code error);

  // Asking (connection_ask.cc)
  void ask_handler();
  void claim();
  void watch_orders();
  void decode_result();
  void submit(Result<api::ResultFrame> frame);
  // Starts the clock of a wait. It also keeps the connection alive: the handler's callbacks do not.
  void begin_wait(Wait wait, std::chrono::milliseconds limit);
  void end_wait();
  void watch_client();
  void on_client_bytes(beast::error_code error, std::size_t size);
  void on_wait_over();
  void on_archive(Result<std::shared_ptr<const source::Archive>> archive);
  void on_committed(Result<void> committed);
  void on_order(Result<Order> order);
  // A callback for the handler: brings its argument onto the strand, unless the request it was for is over or the
  // connection or server is gone.
  template <class T>
  std::function<void(T)> on_strand(void (Connection::*method)(T));
  // Runs `job` on a work thread and `then` with its result on the strand. False: too much is waiting.
  template <class T>
  bool on_work_thread(std::function<T()> job, void (Connection::*then)(T));

  // Answering (connection_write.cc)
  void answer(unsigned status, std::string text, std::string_view content_type = "text/plain; charset=utf-8");
  void answer(const Error& error) { answer(status_of(error.kind), error.message + "\n"); }
  void send_archive(const std::shared_ptr<const source::Archive>& archive);
  template <class Body>
  void finish_head(http::response<Body>& response);
  template <class Body>
  void write(std::shared_ptr<http::response<Body>> response);
  template <class Body, class Writing>
  void write_some(const std::shared_ptr<Writing>& writing);
  void on_written(bool keep_alive);
  void drain();
  void await_early_bytes();
  void close();

  const std::shared_ptr<Core> core_;
  const std::shared_ptr<asio::ssl::context> context_;
  const asio::any_io_executor strand_;  // the socket's own: Beast's time-outs run there too
  beast::ssl_stream<beast::tcp_stream> stream_;
  asio::steady_timer timer_;
  beast::flat_buffer buffer_;
  std::optional<http::request_parser<http::string_body>> parser_;
  Route route_;
  PodIdentity pod_;
  std::unique_ptr<OrderWatch> orders_;
  std::uint64_t request_ = 0;  // number of the current request; a late callback carries an older one
  Wait wait_ = Wait::kNothing;
  std::size_t drained_ = 0;
  bool known_ = false;       // has shown a good token once
  bool reading_ = false;     // a read of the next bytes is pending while the handler is awaited
  bool resume_ = false;      // the answer is written; go on when that read comes
  bool body_left_ = false;   // a part of the request was not read: close after the answer
  bool has_result_ = false;  // counts in core_->results
  bool closing_ = false;
};

template <class T>
std::function<void(T)> Connection::on_strand(void (Connection::*method)(T)) {
  // No executor in here: it must not outlive its io_context, and the handler may keep this for ever.
  return [weak_core = std::weak_ptr(core_), weak = weak_from_this(), number = request_, method](T value) {
    const auto core = weak_core.lock();
    const auto target = weak.lock();
    if (!core || !target) return;
    asio::post(target->strand_, [weak, number, method, value = std::move(value)]() mutable {
      const auto self = weak.lock();
      if (self && self->request_ == number && !self->closing_) (self.get()->*method)(std::move(value));
    });
  };
}

template <class T>
bool Connection::on_work_thread(std::function<T()> job, void (Connection::*then)(T)) {
  if (core_->queued_work.fetch_add(1) >= core_->options.max_queued_work) {
    core_->queued_work.fetch_sub(1);
    return false;
  }
  asio::post(core_->work, [core = core_.get(), job = std::move(job), done = on_strand(then)] {
    done(job());
    core->queued_work.fetch_sub(1);
  });
  return true;
}

}  // namespace modelrun::runserver
