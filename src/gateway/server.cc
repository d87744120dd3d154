#include "gateway/server.h"

#include <openssl/ssl.h>

#include <boost/asio/bind_executor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <thread>
#include <vector>

#include "base/log.h"
#include "gateway/server_core.h"

namespace modelrun::gateway {
namespace {

using asio::ip::tcp;
using ErrorCode = boost::system::error_code;

Result<std::shared_ptr<asio::ssl::context>> make_context(const Certificate& certificate) {
  auto context = std::make_shared<asio::ssl::context>(asio::ssl::context::tls_server);
  SSL_CTX* native = context->native_handle();
  SSL_CTX_set_min_proto_version(native, TLS1_2_VERSION);
  SSL_CTX_set_options(native, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  ErrorCode error;
  // An encrypted key must not make OpenSSL ask on the terminal.
  context->set_password_callback([](std::size_t, asio::ssl::context::password_purpose) { return std::string(); },
                                 error);
  if (!error) context->use_certificate_chain(asio::buffer(certificate.chain_pem), error);
  if (error) return fail(ErrorKind::kInvalid, "the certificate cannot be used: {}", error.message());
  context->use_private_key(asio::buffer(certificate.key_pem), asio::ssl::context::pem, error);
  if (error || SSL_CTX_check_private_key(native) != 1) {
    return fail(ErrorKind::kInvalid, "the key cannot be used, or is not the certificate's");
  }
  return context;
}

Result<void> listen_on(tcp::acceptor& acceptor, const ServerOptions& options) {
  ErrorCode error;
  const auto address = asio::ip::make_address(options.address, error);
  if (error) return fail(ErrorKind::kInvalid, "listen: '{}' is not an IP address", options.address);
  const tcp::endpoint endpoint(address, options.port);
  acceptor.open(endpoint.protocol(), error);
  if (!error) acceptor.set_option(asio::socket_base::reuse_address(true), error);
  if (!error) acceptor.bind(endpoint, error);
  if (!error) acceptor.listen(asio::socket_base::max_listen_connections, error);
  if (!error) return {};
  return fail(ErrorKind::kUnavailable, "listen on {} port {}: {}", options.address, options.port, error.message());
}

}  // namespace

struct Server::Impl {
  explicit Impl(std::shared_ptr<Core> shared) : core(std::move(shared)), acceptor(core->io), retry(core->io) {}

  // Declared first: everything below refers to it.
  std::shared_ptr<Core> core;
  tcp::acceptor acceptor;    // used on acceptor_strand once the threads run
  asio::steady_timer retry;  // the same
  asio::strand<asio::io_context::executor_type> acceptor_strand{core->io.get_executor()};
  asio::executor_work_guard<asio::io_context::executor_type> guard{core->io.get_executor()};
  std::vector<std::thread> threads;
  std::uint16_t port = 0;
  std::mutex stop_mutex;  // held by the one that stops
  bool stopped = false;   // guarded by stop_mutex

  void accept() {
    acceptor.async_accept(asio::make_strand(core->io),
                          asio::bind_executor(acceptor_strand, [this](ErrorCode error, tcp::socket socket) {
                            if (error == asio::error::operation_aborted || core->stopping) return;
                            if (!error) {
                              take(std::move(socket));
                              return accept();
                            }
                            // Out of descriptors, most likely; accepting again at once would only spin.
                            log::warn("a connection cannot be accepted", {{"error", error.message()}});
                            retry.expires_after(std::chrono::milliseconds(100));
                            retry.async_wait(asio::bind_executor(acceptor_strand, [this](ErrorCode stopped_waiting) {
                              if (!stopped_waiting && !core->stopping) accept();
                            }));
                          }));
  }

  void take(tcp::socket socket) {
    std::shared_ptr<asio::ssl::context> certificate;
    {
      const std::lock_guard lock(core->mutex);
      if (core->connections.size() >= core->options.max_connections) return;  // closes it
      certificate = core->certificate;
    }
    ErrorCode ignored;
    socket.set_option(tcp::no_delay(true), ignored);
    make_connection(core, std::move(socket), std::move(certificate))->start();
  }

  // Every connection that is alive now.
  void each_connection(void (Connection::*method)()) {
    std::vector<std::shared_ptr<Connection>> all;
    {
      const std::lock_guard lock(core->mutex);
      for (const auto& [unused, connection] : core->connections) {
        if (auto alive = connection.lock()) all.push_back(std::move(alive));
      }
    }
    for (const auto& connection : all) (connection.get()->*method)();
  }

  void wait_for_connections(std::chrono::milliseconds limit) {
    std::unique_lock lock(core->mutex);
    core->none_left.wait_for(lock, limit, [this] { return core->connections.empty(); });
  }

  // Every holder lets go soon, by the contract of Handler.
  void wait_for_exchanges() {
    std::unique_lock lock(core->mutex);
    core->none_left.wait(lock, [this] { return core->exchanges == 0; });
  }

  void stop() {
    const std::lock_guard lock(stop_mutex);
    if (std::exchange(stopped, true)) return;
    core->stopping = true;
    asio::post(acceptor_strand, [this] {
      ErrorCode ignored;
      acceptor.close(ignored);
      retry.cancel();
    });
    each_connection(&Connection::stop_soon);
    wait_for_connections(core->options.stop_grace);
    // The handlers give up, and say so to their clients.
    each_connection(&Connection::end_request);
    wait_for_connections(std::chrono::seconds(2));
    each_connection(&Connection::close_now);
    wait_for_connections(std::chrono::milliseconds(500));
    wait_for_exchanges();
    core->work.join();
    core->io.stop();
    for (std::thread& thread : threads) thread.join();
    // What a connection had left on its strand holds that connection, which holds the core: run it down.
    core->io.restart();
    core->io.poll();
  }
};

Server::Server(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Server::~Server() {
  stop();
}

Result<std::unique_ptr<Server>> Server::start(ServerOptions options, const Certificate* certificate, Handler handler,
                                              AtOnce at_once) {
  auto impl =
      std::make_unique<Impl>(std::make_shared<Core>(std::move(options), std::move(handler), std::move(at_once)));
  if (certificate != nullptr) {
    auto context = make_context(*certificate);
    if (!context) return std::unexpected(context.error());
    impl->core->certificate = std::move(*context);
  }
  if (auto listening = listen_on(impl->acceptor, impl->core->options); !listening) {
    return std::unexpected(listening.error());
  }
  impl->port = impl->acceptor.local_endpoint().port();
  impl->accept();
  for (int i = 0; i < impl->core->options.io_threads; ++i) {
    impl->threads.emplace_back([core = impl->core.get()] { core->io.run(); });
  }
  return std::unique_ptr<Server>(new Server(std::move(impl)));
}

std::uint16_t Server::port() const {
  return impl_->port;
}

Result<void> Server::set_certificate(const Certificate& certificate) {
  auto context = make_context(certificate);
  if (!context) return std::unexpected(context.error());
  const std::lock_guard lock(impl_->core->mutex);
  impl_->core->certificate = std::move(*context);
  return {};
}

void Server::stop() {
  impl_->stop();
}

Server::Stats Server::stats() const {
  const std::lock_guard lock(impl_->core->mutex);
  return {impl_->core->connections.size(), impl_->core->exchanges};
}

}  // namespace modelrun::gateway
