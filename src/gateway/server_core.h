// What the connections of one server share, and the exchange of one request. Internal to gateway/server*.cc and
// connection.cc.
#pragma once

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/thread_pool.hpp>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>

#include "gateway/server.h"

namespace modelrun::gateway {

namespace asio = boost::asio;

// One client, whatever its transport.
class Connection {
 public:
  virtual ~Connection() = default;
  virtual void start() = 0;
  // From any thread: closes it when no request is under way; else after its answer.
  virtual void stop_soon() = 0;
  // From any thread: ends the request that is under way, not in the client's name.
  virtual void end_request() = 0;
  virtual void close_now() = 0;
};

struct Core {
  Core(ServerOptions given, Handler given_handler, AtOnce given_at_once)
      : options(std::move(given)),
        handler(std::move(given_handler)),
        at_once(std::move(given_at_once)),
        work(static_cast<std::size_t>(options.workers)),
        io(options.io_threads) {}

  const ServerOptions options;
  const Handler handler;
  const AtOnce at_once;  // may be empty
  std::atomic<bool> stopping{false};
  std::atomic<int> busy{0};                // requests that are with a worker, or wait for one
  std::atomic<std::size_t> body_bytes{0};  // reserved for bodies that are being read or handled

  std::mutex mutex;
  std::condition_variable none_left;                             // of connections, or of exchanges
  std::size_t exchanges = 0;                                     // guarded by mutex; those that somebody holds
  std::map<Connection*, std::weak_ptr<Connection>> connections;  // guarded by mutex; removed by their destructors
  std::shared_ptr<asio::ssl::context> certificate;               // guarded by mutex; null: plain HTTP

  // Last, so that what is left in them goes before the members above.
  asio::thread_pool work;
  asio::io_context io;
};

// The bytes of one answer on their way from the handler's thread to the connection's strand.
class Reply final : public Exchange {
 public:
  // `wake` is called from any thread when there is something to write; it must not block.
  Reply(std::shared_ptr<Core> core, bool keep_alive, std::function<void()> wake)
      : core_(std::move(core)), keep_alive_(keep_alive), wake_(std::move(wake)) {}
  // For the handler and its successors: the last of them completes the answer.
  static std::shared_ptr<Exchange> hand_out(const std::shared_ptr<Reply>& reply);

  void answer(HttpAnswer answer) override;
  void open_events() override;
  bool send(std::string_view text) override;
  [[nodiscard]] std::stop_token stop_token() const override { return stop_.get_token(); }
  [[nodiscard]] bool client_left() const override { return left_; }
  void later(std::function<void()> work) override;

  // The connection's side. Nothing: none at the moment. `last`: that was all.
  std::string take(bool& last);
  void leave();  // the client has left
  void end() { stop_.request_stop(); }
  [[nodiscard]] bool keeps_alive() const { return keep_alive_; }

 private:
  enum class Stage { kNothing, kStream, kDone };
  void push(const std::string& bytes, std::unique_lock<std::mutex>& lock);
  void finish();

  const std::shared_ptr<Core> core_;
  const bool keep_alive_;
  const std::function<void()> wake_;
  std::stop_source stop_;
  std::atomic<bool> left_{false};
  std::mutex mutex_;
  std::condition_variable_any room_;
  Stage stage_ = Stage::kNothing;  // guarded by mutex_
  std::string unsent_;             // guarded by mutex_
};

// Head and body of a whole answer.
std::string serialize(const HttpAnswer& answer, bool keep_alive);

std::shared_ptr<Connection> make_connection(std::shared_ptr<Core> core, asio::ip::tcp::socket socket,
                                            std::shared_ptr<asio::ssl::context> certificate);

}  // namespace modelrun::gateway
