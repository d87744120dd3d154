#include "gateway/server.h"

#include <vector>

#include "gateway/server_core.h"
#include "net/listener.h"
#include "net/tls_context.h"

namespace modelrun::gateway {

struct Server::Impl {
  explicit Impl(std::shared_ptr<Core> shared) : core(std::move(shared)) {}

  // Declared first: everything below refers to it.
  std::shared_ptr<Core> core;
  std::unique_ptr<net::Listener> listener;
  std::mutex stop_mutex;  // held by the one that stops
  bool stopped = false;   // guarded by stop_mutex

  void take(asio::ip::tcp::socket socket) {
    std::shared_ptr<asio::ssl::context> certificate;
    {
      const std::lock_guard lock(core->mutex);
      if (core->connections.size() >= core->options.max_connections) return;  // closes it
      certificate = core->certificate;
    }
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
    listener->close();
    each_connection(&Connection::stop_soon);
    wait_for_connections(core->options.stop_grace);
    // The handlers give up, and say so to their clients.
    each_connection(&Connection::end_request);
    wait_for_connections(std::chrono::seconds(2));
    each_connection(&Connection::close_now);
    wait_for_connections(std::chrono::milliseconds(500));
    wait_for_exchanges();
    core->work.join();
    listener->join();
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
    auto context = net::make_tls_context(certificate->chain_pem, certificate->key_pem);
    if (!context) return std::unexpected(context.error());
    impl->core->certificate = std::move(*context);
  }
  const auto& given = impl->core->options;
  auto listener = net::Listener::start(impl->core->io, {given.address, given.port}, given.io_threads,
                                       [impl = impl.get()](auto socket) { impl->take(std::move(socket)); });
  if (!listener) return std::unexpected(listener.error());
  impl->listener = std::move(*listener);
  return std::unique_ptr<Server>(new Server(std::move(impl)));
}

std::uint16_t Server::port() const {
  return impl_->listener->port();
}

Result<void> Server::set_certificate(const Certificate& certificate) {
  auto context = net::make_tls_context(certificate.chain_pem, certificate.key_pem);
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
