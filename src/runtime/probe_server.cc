#include "runtime/probe_server.h"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <optional>
#include <set>
#include <thread>
#include <utility>

#include "base/log.h"

namespace modelrun::runtime {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using asio::ip::tcp;

class ProbeConnection;

// The state that all sessions share. Used on the server's thread only.
struct Shared {
  ProbeServerOptions options;
  ProbeHandler handler;
  std::set<ProbeConnection*> sessions;
};

// One connection. Pending handlers hold shared pointers to it, which keep it alive.
class ProbeConnection final : public std::enable_shared_from_this<ProbeConnection> {
 public:
  ProbeConnection(tcp::socket socket, Shared& shared) : stream_(std::move(socket)), shared_(shared) {
    shared_.sessions.insert(this);
  }
  ~ProbeConnection() { shared_.sessions.erase(this); }

  void read(std::chrono::milliseconds timeout) {
    parser_.emplace();
    parser_->header_limit(static_cast<std::uint32_t>(shared_.options.max_header_bytes));
    parser_->body_limit(0);
    stream_.expires_after(timeout);
    http::async_read(stream_, buffer_, *parser_,
                     [self = shared_from_this()](beast::error_code error, std::size_t) { self->on_read(error); });
  }
  void close() {
    beast::error_code ignored;
    stream_.socket().close(ignored);
  }

 private:
  void on_read(beast::error_code error) {
    if (error == http::error::body_limit || error == http::error::header_limit) {
      return write({413, "too large\n"}, false, false);
    }
    if (error) return close();  // the peer has closed, a time-out, or not HTTP
    const auto& request = parser_->get();
    const bool head = request.method() == http::verb::head;
    if (!head && request.method() != http::verb::get) return write({405, "GET only\n"}, false, false);
    write(answer(std::string{request.target()}), request.keep_alive(), head);
  }

  ProbeAnswer answer(const std::string& target) const {
    try {
      return shared_.handler(target);
    } catch (const std::exception& error) {
      log::error("http handler", {{"target", target}, {"error", error.what()}});
      return {500, "internal error\n"};
    }
  }

  void write(ProbeAnswer answer, bool keep_alive, bool head) {
    response_ = {};
    response_.version(11);
    response_.result(static_cast<unsigned>(answer.status));
    response_.set(http::field::content_type, answer.content_type);
    response_.set("X-Content-Type-Options", "nosniff");
    response_.keep_alive(keep_alive);
    response_.body() = std::move(answer.body);
    response_.prepare_payload();
    if (head) response_.body().clear();  // Content-Length stays as for GET
    stream_.expires_after(shared_.options.header_timeout);
    http::async_write(stream_, response_,
                      [self = shared_from_this(), keep_alive](beast::error_code error, std::size_t) {
                        if (error || !keep_alive) return self->close();
                        self->read(self->shared_.options.idle_timeout);
                      });
  }

  beast::tcp_stream stream_;
  beast::flat_buffer buffer_{16U << 10U};
  std::optional<http::request_parser<http::empty_body>> parser_;
  http::response<http::string_body> response_;
  Shared& shared_;
};

}  // namespace

struct ProbeServer::Impl {
  Impl(ProbeServerOptions options, ProbeHandler handler) : shared{std::move(options), std::move(handler), {}} {}

  Shared shared;  // must outlive the sessions, which the handlers in `context` hold
  asio::io_context context{1};
  tcp::acceptor acceptor{context};
  asio::steady_timer pause{context};
  bool closed = false;  // used by `thread` only
  std::jthread thread;

  Result<void> listen() {
    beast::error_code error;
    const auto address = asio::ip::make_address(shared.options.address, error);
    if (error) return fail(ErrorKind::kInvalid, "listen: '{}' is not an IP address", shared.options.address);
    const tcp::endpoint endpoint(address, shared.options.port);
    acceptor.open(endpoint.protocol(), error);
    if (!error) acceptor.set_option(tcp::acceptor::reuse_address(true), error);
    if (!error) acceptor.bind(endpoint, error);
    if (!error) acceptor.listen(asio::socket_base::max_listen_connections, error);
    if (!error) return {};
    const auto kind = error == asio::error::address_in_use ? ErrorKind::kExists : ErrorKind::kUnavailable;
    return fail(kind, "listen on {} port {}: {}", shared.options.address, shared.options.port, error.message());
  }

  void accept() {
    acceptor.async_accept([this](beast::error_code error, tcp::socket socket) {
      // An acceptor may have accepted somebody before it was closed, and that is told afterwards.
      if (closed || error == asio::error::operation_aborted) return;
      const bool room = std::cmp_less(shared.sessions.size(), shared.options.max_connections);
      if (!error && room) {
        std::make_shared<ProbeConnection>(std::move(socket), shared)->read(shared.options.header_timeout);
      }
      if (!error) return accept();  // when there is no room, `socket` is closed at the end of this scope
      // The process is probably out of descriptors. Waits before the next try, because this thread would spin
      // otherwise.
      pause.expires_after(std::chrono::milliseconds{100});
      pause.async_wait([this](beast::error_code stopped) {
        if (!stopped && !closed) accept();
      });
    });
  }

  void close() {
    closed = true;
    beast::error_code ignored;
    acceptor.close(ignored);
    pause.cancel();
    for (ProbeConnection* session : shared.sessions) session->close();
  }
};

ProbeServer::ProbeServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Result<std::unique_ptr<ProbeServer>> ProbeServer::start(ProbeServerOptions options, ProbeHandler handler) {
  auto impl = std::make_unique<Impl>(std::move(options), std::move(handler));
  RETURN_IF_ERROR(impl->listen());
  impl->accept();
  impl->thread = std::jthread([raw = impl.get()] { raw->context.run(); });
  return std::unique_ptr<ProbeServer>{new ProbeServer(std::move(impl))};
}

ProbeServer::~ProbeServer() {
  asio::post(impl_->context, [raw = impl_.get()] { raw->close(); });
  impl_->thread.join();
}

std::uint16_t ProbeServer::port() const {
  beast::error_code ignored;
  return impl_->acceptor.local_endpoint(ignored).port();
}

}  // namespace modelrun::runtime
