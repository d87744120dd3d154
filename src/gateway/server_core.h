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
  Core(ServerOptions given, Handler given_handler)
      : options(std::move(given)),
        handler(std::move(given_handler)),
        work(static_cast<std::size_t>(options.max_requests)),
        io(options.io_threads) {}

  const ServerOptions options;
  const Handler handler;
  std::atomic<bool> stopping{false};
  std::atomic<int> requests{0};
  std::atomic<std::size_t> body_bytes{0};  // reserved for bodies that are being read or handled

  std::mutex mutex;
  std::condition_variable none_left;
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
  Reply(std::size_t max_unsent, bool keep_alive, std::function<void()> wake)
      : max_unsent_(max_unsent), keep_alive_(keep_alive), wake_(std::move(wake)) {}

  void answer(HttpAnswer answer) override;
  void open_events() override;
  bool send(std::string_view text) override;
  [[nodiscard]] std::stop_token stop_token() const override { return stop_.get_token(); }
  [[nodiscard]] bool client_left() const override { return left_; }

  // The handler has returned.
  void finish();
  // The connection's side. Nothing: none at the moment. `last`: that was all.
  std::string take(bool& last);
  void leave();  // the client has left
  void end() { stop_.request_stop(); }
  [[nodiscard]] bool keeps_alive() const { return keep_alive_; }

 private:
  enum class Stage { kNothing, kStream, kDone };
  void push(std::string bytes, std::unique_lock<std::mutex>& lock);

  const std::size_t max_unsent_;
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
