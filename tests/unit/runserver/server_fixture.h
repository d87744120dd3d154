// A real server over real TLS, with fakes behind it and a small synchronous client before it.
#pragma once

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl.hpp>
#include <condition_variable>
#include <future>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "runserver/server.h"
#include "runserver/tls.h"
#include "source/files.h"

namespace modelrun::runserver::testing {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;

// Token "good": the pod p of namespace ns. "known": the same, from memory. "stranger": of namespace other. "down":
// cannot be asked. "hangs": answered when the server stops. "waits": as "good", when `gate` is open. Else denied.
class FakeAuthenticator final : public PodAuthenticator {
 public:
  Result<PodIdentity> authenticate(std::string_view token, std::stop_token stop) override;
  std::optional<Result<PodIdentity>> remembered(std::string_view token) override;
  std::atomic<int> calls{0};
  std::promise<void> gate;

 private:
  std::shared_future<void> gate_open_{gate.get_future()};
};

// Answers at once with what is set here, or keeps the callback for the test.
class FakeHandler final : public Handler {
 public:
  using ArchiveDone = std::function<void(Result<std::shared_ptr<const source::Archive>>)>;
  using OrderDone = std::function<void(Result<Order>)>;
  using WorkDone = std::function<void(Result<GivenWork>)>;

  [[nodiscard]] bool leading() const override { return is_leading; }
  void claim(AttemptRef attempt, PodIdentity pod, ArchiveDone done) override;
  void submit(AttemptRef attempt, PodIdentity pod, api::ResultFrame frame,
              std::function<void(Result<void>)> done) override;
  void points(AttemptRef attempt, PodIdentity pod, std::function<void(Result<std::string>)> done) override;
  void rows(AttemptRef attempt, PodIdentity pod, api::RowReport report,
            std::function<void(Result<api::RowReceipt>)> done) override;
  std::unique_ptr<LongPoll> watch_orders(AttemptRef attempt, PodIdentity pod, OrderDone done) override;
  std::unique_ptr<LongPoll> await_work(StandbyRef standby, PodIdentity pod, WorkDone done) override;

  // Blocks until `count` watches are open. They are opened and closed on server threads.
  void wait_for_watches(int count);
  OrderDone take_order_done();
  std::vector<api::ResultFrame> frames();

  std::atomic<bool> is_leading{true};
  std::optional<Result<std::shared_ptr<const source::Archive>>> archive;  // set before the request
  std::optional<Result<void>> committed = Result<void>{};
  std::optional<Result<Order>> order;
  std::optional<Result<GivenWork>> work;  // none: await_work() is never answered
  std::optional<Result<std::string>> list = fail(ErrorKind::kNotFound, "no points");
  std::vector<api::RowReport> reports();
  std::vector<std::string> standbys;  // that have asked for work

 private:
  // REQUIRES: mutex_ is held.
  std::unique_ptr<LongPoll> open_watch();
  std::mutex mutex_;
  std::condition_variable changed_;
  int watches_ = 0;
  OrderDone order_done_;
  std::vector<api::ResultFrame> frames_;
  std::vector<api::RowReport> reports_;
};

struct Answer {
  unsigned status = 0;  // 0: the connection ended instead
  std::string body;
  std::map<std::string, std::string> headers;
  bool keep_alive = false;
};

// One TLS connection that checks the server's certificate.
class Client {
 public:
  Client(std::uint16_t port, const std::string& ca_pem, const char* own_address = "127.0.0.1");
  ~Client();
  void send(const std::string& bytes);
  // As much of it as the server takes; it may have hung up meanwhile.
  void send_what_goes(const std::string& bytes);
  Answer receive();
  Answer post(const std::string& target, const std::string& token, const std::string& body = {},
              const std::string& more_headers = {});
  // True when the server ends the connection without another byte.
  bool is_ended();
  // Sends the bytes as they are, and waits until the server has read them. Returns false if it does not.
  bool send_under_tls(const std::string& bytes);
  void vanish();  // without a word of TLS
  [[nodiscard]] std::string peer_certificate();

 private:
  // Whether the server's end of this connection is open, and nothing waits there to be read.
  bool server_has_read_all();
  asio::io_context io_;
  asio::ssl::context context_;
  beast::ssl_stream<asio::ip::tcp::socket> stream_;
  beast::flat_buffer buffer_;
};

std::string request(const std::string& target, const std::string& token, const std::string& body = {},
                    const std::string& more_headers = {});

class ServerTest : public ::testing::Test {
 protected:
  ServerTest();
  ~ServerTest() override;
  Server& server();  // starts it with options_
  Client connect(const char* own_address = "127.0.0.1") {
    return Client(server().port(), ca_.certificate_pem, own_address);
  }
  // How often the server has told of a refusal for this reason.
  int refused(const std::string& reason) {
    const std::lock_guard lock(mutex_);
    return refused_[reason];
  }
  // An archive of `size` bytes on disk.
  std::shared_ptr<const source::Archive> make_archive(std::size_t size);
  static std::string path(const std::string& action) { return "/v1/attempts/ns/run/uid-1/1/" + action; }
  static api::ResultFrame frame();

  Time now_;
  KeyPair ca_;
  KeyPair leaf_;
  ServerOptions options_;
  FakeAuthenticator authenticator_;
  FakeHandler handler_;
  source::ScratchDir scratch_;
  std::atomic<int> open_{0};  // connections, as the server tells
  std::unique_ptr<Server> server_;

 private:
  std::mutex mutex_;
  std::map<std::string, int> refused_;
};

}  // namespace modelrun::runserver::testing
