// The state that the connections of one server share, and the exchange of one request. Internal to gateway/http.
#pragma once

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/thread_pool.hpp>
#include <functional>
#include <map>
#include <memory>
#include <stop_token>
#include <string>

#include "base/byte_budget.h"
#include "base/log.h"
#include "base/mutex.h"
#include "gateway/http/server.h"
#include "net/connection_table.h"

namespace modelrun::gateway {

namespace asio = boost::asio;

// One client's connection, plain or TLS. All methods are thread-safe and do not block. ServerState::connections lists
// it, without owning it, from start() to its destruction.
class ClientConnection {
 public:
  virtual ~ClientConnection() = default;
  // Begins to serve the client. Call once.
  virtual void start() = 0;
  // Closes the connection if no request is in progress. REQUIRES: ServerState::stopping is set, which makes a
  // connection with a request in progress close after the answer.
  virtual void stop_soon() = 0;
  // Fires the stop token of the request in progress, if any, and that of the BodyGate; client_left() stays false.
  virtual void end_request() = 0;
  // Does the same, and closes the connection at once.
  virtual void close_now() = 0;
};

// Calls a function of the server's owner; an exception is logged and goes no further.
template <class Task>
void call_logged(const std::string& path, const Task& task) {
  try {
    task();
  } catch (const std::exception& thrown) {
    log::error("a request could not be handled", {{"path", path}, {"error", thrown.what()}});
  }
}

// Owned by the server, by its connections and by the exchanges, so that it lives until the last of them is gone.
struct ServerState {
  ServerState(ServerOptions given, Handler given_handler, AtOnce given_at_once, BodyGate given_gate)
      : options(std::move(given)),
        handler(std::move(given_handler)),
        at_once(std::move(given_at_once)),
        gate(std::move(given_gate)),
        table(options.connections, {.turned_away = [this](net::TurnedAway what) { refuse(net::name_of(what)); },
                                    .open = options.on_connection}),
        bodies(options.max_bodies_bytes, options.max_bodies_bytes_per_owner),
        answers(options.max_answers_bytes, options.max_answers_bytes_per_owner),
        work(static_cast<std::size_t>(options.workers)),
        io(options.io_threads) {}

  void refuse(std::string_view reason) const {
    if (options.on_refusal) options.on_refusal(reason);
  }
  // Calls `task`, which must not throw, on a worker thread. Whatever it has captured, which must include the ownership
  // of this state, is released after the request has stopped counting as busy. Returns false, and does not call it,
  // while max_requests are handled or wait for a worker.
  template <class Task>
  bool on_worker(Task task) {
    if (busy.fetch_add(1) >= options.max_requests) {
      busy.fetch_sub(1);
      refuse("requests");
      return false;
    }
    asio::post(work, [this, task = std::move(task)] {
      task();
      busy.fetch_sub(1);
    });
    return true;
  }
  // Calls the handler.
  void call(const std::shared_ptr<const HttpRequest>& request, const std::shared_ptr<HttpExchange>& exchange) const {
    call_logged(request->path, [&] { handler(request, exchange); });
  }

  const ServerOptions options;
  const Handler handler;
  const AtOnce at_once;  // may be empty
  const BodyGate gate;   // its functions may be empty
  std::atomic<bool> stopping{false};
  std::atomic<int> busy{0};  // requests that a worker handles or that wait for a worker
  net::ConnectionTable table;
  ByteBudget bodies;   // that are being read or handled, by owner
  ByteBudget answers;  // that wait to be sent, by owner

  Mutex mutex;
  CondVar none_left;                            // notified when the last connection or the last exchange has gone
  std::size_t exchanges GUARDED_BY(mutex) = 0;  // those that somebody holds
  std::map<ClientConnection*, std::weak_ptr<ClientConnection>> connections
      GUARDED_BY(mutex);                                              // removed by their destructors
  std::shared_ptr<asio::ssl::context> certificate GUARDED_BY(mutex);  // null: plain HTTP

  // Declared last: work that is left in them is destroyed first, while the members above still exist.
  asio::thread_pool work;
  asio::io_context io;
};

// The exchange of one request: passes the bytes of the answer from the handlers' threads to the connection's strand.
// Thread-safe. Handlers do not hold it directly, but by a pointer from hand_out().
class Reply final : public HttpExchange {
 public:
  // `body` is what the body of `request` takes of ServerState::bodies. `wake` is called from any thread when there is
  // something to write; it must not block.
  Reply(std::shared_ptr<ServerState> state, std::shared_ptr<HttpRequest> request, ByteBudget::Hold body,
        bool keep_alive, std::function<void()> wake)
      : state_(std::move(state)),
        request_(std::move(request)),
        keep_alive_(keep_alive),
        no_body_(request_->head),
        chunked_(request_->version > 10),
        wake_(std::move(wake)),
        body_(std::move(body)),
        waiting_(state_->answers.hold(request_->peer_group)) {}
  // Returns the pointer that is given to the handler. When its last copy is released, the answer is completed (the
  // end of a stream, or 500 if there is no answer). The pointer counts in ServerState::exchanges until then. Call
  // once.
  static std::shared_ptr<HttpExchange> hand_out(const std::shared_ptr<Reply>& reply);

  void answer(HttpAnswer answer) override;
  using HttpExchange::open_events;
  void open_events(const HttpHeaders& headers) override;
  bool send(std::string_view text) override;
  bool send_if_read(std::string_view text) override;
  bool wait_until_read(std::stop_token stop) override;
  void charge_to(std::string_view owner) override;
  void release_body() override;
  [[nodiscard]] std::stop_token stop_token() const override { return stop_.get_token(); }
  [[nodiscard]] bool client_left() const override { return left_; }
  void later(std::function<void()> work) override;

  // The methods below are for the connection.

  // Returns the bytes to write next; empty if there are none at present. Sets `last` if no more will follow. Call it
  // again only when the bytes of the last call have been written.
  std::string take(bool& last);
  void leave();                         // the client has left: fires the stop token and ends all waits of send()
  void end() { stop_.request_stop(); }  // the server ends the exchange
  [[nodiscard]] bool keeps_alive() const { return keep_alive_ && !broken_; }
  // The stream ends without its end, because a text was too much for the limits. Without the last chunk the client
  // notices.
  [[nodiscard]] bool is_broken() const { return broken_; }
  [[nodiscard]] bool has_owner() const { return has_owner_; }  // charge_to() was called

 private:
  enum class Stage { kNothing, kStream, kDone };
  // Appends to unsent_, releases `lock`, and then calls wake_. The analysis does not follow a lock that is passed on.
  void push(const std::string& bytes, MutexLock& lock) REQUIRES(mutex_) NO_THREAD_SAFETY_ANALYSIS;
  void finish();
  // Counts `more` bytes as waiting to be sent; false if they are too many.
  bool reserve(std::size_t more) REQUIRES(mutex_);
  // A piece of the stream as it is sent.
  [[nodiscard]] std::string piece(std::string_view text) const;
  // Whether there is room for this chunk of the stream, which is counted then.
  bool reserve_chunk(const std::string& bytes) REQUIRES(mutex_);

  const std::shared_ptr<ServerState> state_;
  const std::shared_ptr<HttpRequest> request_;
  const bool keep_alive_;
  const bool no_body_;  // an answer to HEAD
  const bool chunked_;  // a stream goes in chunks; else its end is that of the connection
  const std::function<void()> wake_;
  std::stop_source stop_;
  std::atomic<bool> left_{false};
  std::atomic<bool> broken_{false};
  std::atomic<bool> has_owner_{false};
  Mutex mutex_;
  CondVar room_;
  Stage stage_ GUARDED_BY(mutex_) = Stage::kNothing;
  std::string unsent_ GUARDED_BY(mutex_);
  std::size_t writing_ GUARDED_BY(mutex_) = 0;  // bytes that the last take() returned
  ByteBudget::Hold body_ GUARDED_BY(mutex_);
  ByteBudget::Hold waiting_ GUARDED_BY(mutex_);  // unsent_ and writing_
};

// The head and the body of an answer as HTTP/1.1 sends them. If `keep_alive` is false, the head says
// "Connection: close". With `no_body` only the head is there, as HEAD is answered.
std::string serialize(const HttpAnswer& answer, bool keep_alive, bool no_body = false);

// An accepted socket, whose executor must be a strand.
struct Accepted {
  asio::ip::tcp::socket socket;
  asio::ip::address peer;
  std::unique_ptr<net::ConnectionTable::Place> place;
};
// Makes the connection for it. Speaks TLS if `certificate` is not null.
std::shared_ptr<ClientConnection> make_connection(std::shared_ptr<ServerState> state, Accepted accepted,
                                                  std::shared_ptr<asio::ssl::context> certificate);

}  // namespace modelrun::gateway
