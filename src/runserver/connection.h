// Serves one client connection: a loop that reads a request, asks the handler, and writes the answer. Internal to
// runserver/. The functions are in connection_read.cc, connection_ask.cc and connection_write.cc.
#pragma once

#include "runserver/run_server_state.h"

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

// A result that has been decoded, and the bytes that count for it until the handler has it.
struct DecodedResult {
  api::ResultFrame frame;
  ByteBudget::Hold bytes;
};

// A connection owns itself: it lives as long as one of its asynchronous operations is pending. Everything but the
// public functions and the jobs of on_work_thread() runs on a strand, so that no field needs a lock. Every wait has a
// time-out: that of the stream while bytes are read or written, and timer_ while the handler is awaited.
class PodConnection : public std::enable_shared_from_this<PodConnection> {
 public:
  PodConnection(std::shared_ptr<RunServerState> state, asio::ip::tcp::socket socket, asio::ip::address peer,
                std::shared_ptr<asio::ssl::context> context, std::unique_ptr<net::ConnectionTable::Place> place);
  PodConnection(const PodConnection&) = delete;
  PodConnection& operator=(const PodConnection&) = delete;
  ~PodConnection();

  // All three may be called on any thread and do not block.
  //
  // Begins to serve the client. Called once, when a shared_ptr owns the connection, which is in
  // RunServerState::connections from this call to its destructor.
  void start();
  // Called after RunServerState::stopping is set. Closes an idle connection, and answers a waiting control request with
  // 204. Any other request is answered by its handler first, and then the connection is closed.
  void stop_soon();
  // Closes the connection, even if a request has not been answered.
  void close_now();

 private:
  enum class Wait { kNothing, kHandler, kLongPoll };

  // Reading (connection_read.cc)
  void handshake();
  void await_request();
  void read_header();
  void on_header(beast::error_code error);
  void check_header();
  void authenticate(std::string token);
  void on_identity(Result<PodIdentity> identity);
  // Moves the connection, whose token has been accepted, from the strangers to the known. False: there is no place.
  bool become_known();
  // Has this connection closed when its place is needed for another one.
  void keep_place(std::unique_ptr<net::ConnectionTable::Place> place);
  void read_body();
  void read_some_body();
  void on_body(beast::error_code error);

  // Asking (connection_ask.cc)
  void ask_handler();
  void claim();
  // False if the server stops: the request has been answered.
  bool begin_long_poll();
  void watch_orders();
  void await_work();
  void decode_result();
  void submit(Result<DecodedResult> result);
  void ask_for_points();
  void report_rows();
  // Begins a wait of at most `limit`. The timer's pending operation also keeps the connection alive, which the
  // callbacks that the handler holds do not.
  void begin_wait(Wait wait, std::chrono::milliseconds limit);
  void end_wait();
  void watch_client();
  void on_client_bytes(beast::error_code error, std::size_t size);
  void on_wait_over();
  void on_archive(Result<std::shared_ptr<const source::Archive>> archive);
  void on_committed(Result<void> committed);
  void on_order(Result<Order> order);
  void on_points(Result<std::string> points);
  void on_receipt(Result<api::RowReceipt> receipt);
  void on_work(Result<GivenWork> work);
  // Makes a callback for the handler, bound to the current request. It may be called on any thread, and calls `method`
  // with its argument on the strand. It does nothing when that request is over, or the connection or the server is
  // gone.
  template <class T>
  std::function<void(T)> on_strand(void (PodConnection::*method)(T));
  // Runs `job` on a work thread, and then calls `then` with its result on the strand, unless this connection has gone
  // before `job` begins. Returns false, and runs nothing, when ServerOptions::max_queued_work jobs are queued or
  // running already.
  template <class T>
  bool on_work_thread(std::function<T()> job, void (PodConnection::*then)(T));

  // Answering (connection_write.cc)
  void answer(unsigned status, std::string text, std::string_view content_type = "text/plain; charset=utf-8");
  void answer(const Error& error) { answer(status_of(error.kind), error.message + "\n"); }
  // `line` goes before the bytes of the archive.
  void send_archive(std::string line, const std::shared_ptr<const source::Archive>& archive);
  template <class Body>
  void finish_head(http::response<Body>& response);
  template <class Body>
  void write(std::shared_ptr<http::response<Body>> response);
  template <class Body, class Writing>
  void write_some(const std::shared_ptr<Writing>& writing);
  void on_written(bool keep_alive);
  void drain();
  void drain_some();
  void on_drained(std::size_t size);
  void await_early_bytes();
  void close();

  const std::shared_ptr<RunServerState> state_;
  const std::shared_ptr<asio::ssl::context> context_;
  const asio::ip::address peer_;
  const asio::any_io_executor strand_;  // the executor of the socket, so that Beast's time-outs run on it too
  beast::ssl_stream<beast::tcp_stream> stream_;
  asio::steady_timer timer_;
  beast::flat_buffer buffer_;
  // This kind of body holds the bytes that have come. http::string_body reserves what Content-Length announces.
  std::optional<http::request_parser<http::basic_dynamic_body<beast::flat_buffer>>> parser_;
  std::unique_ptr<net::ConnectionTable::Place> place_;
  ByteBudget::Hold result_bytes_;  // for the result that is being read
  Route route_;
  PodIdentity pod_;
  std::unique_ptr<LongPoll> long_poll_;
  // The number of the current step; a callback with an older number is late and is ignored.
  std::uint64_t request_ = 0;
  Wait wait_ = Wait::kNothing;
  std::size_t drained_ = 0;
  bool known_ = false;        // a token of this client has been accepted
  bool reading_ = false;      // the read that watch_client() began is pending
  bool resume_ = false;       // the answer is written, and the next request begins when that read ends
  bool body_left_ = false;    // the connection must be closed after the answer, e.g. since the body was not read
  bool draining_ = false;     // the answer is written, and what still comes is thrown away
  bool resume_body_ = false;  // the body is to be read when that read ends
  bool elsewhere_ = false;    // the client is sent to another replica, which leads
  bool closing_ = false;
};

template <class T>
std::function<void(T)> PodConnection::on_strand(void (PodConnection::*method)(T)) {
  // The callback holds no executor and only weak pointers. The handler may keep it for ever, but an executor must not
  // outlive its io_context.
  return [weak_state = std::weak_ptr(state_), weak = weak_from_this(), number = request_, method](T value) {
    const auto state = weak_state.lock();
    const auto target = weak.lock();
    if (!state || !target) return;
    asio::post(target->strand_, [weak, number, method, value = std::move(value)]() mutable {
      const auto self = weak.lock();
      if (self && self->request_ == number && !self->closing_) (self.get()->*method)(std::move(value));
    });
  };
}

template <class T>
bool PodConnection::on_work_thread(std::function<T()> job, void (PodConnection::*then)(T)) {
  if (state_->queued_work.fetch_add(1) >= state_->options.max_queued_work) {
    state_->queued_work.fetch_sub(1);
    return false;
  }
  asio::post(state_->work,
             [state = state_.get(), weak = weak_from_this(), job = std::move(job), done = on_strand(then)] {
               if (!weak.expired()) done(job());
               state->queued_work.fetch_sub(1);
             });
  return true;
}

}  // namespace modelrun::runserver
