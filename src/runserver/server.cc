#include "runserver/server.h"

#include <vector>

#include "net/listener.h"
#include "net/tls_context.h"
#include "runserver/connection.h"

namespace modelrun::runserver {

struct Server::Impl {
  explicit Impl(std::shared_ptr<Core> shared) : core(std::move(shared)) {}

  // Declared first: everything below refers to it.
  std::shared_ptr<Core> core;
  std::unique_ptr<net::Listener> listener;
  std::mutex stop_mutex;  // held by the one that stops
  bool stopped = false;   // guarded by stop_mutex

  void take(asio::ip::tcp::socket socket) {
    std::shared_ptr<asio::ssl::context> context;
    {
      const std::lock_guard lock(core->mutex);
      if (core->connections.size() >= core->options.max_connections) {
        core->refused.fetch_add(1);
        return;  // closes it
      }
      context = core->certificate;
    }
    std::make_shared<Connection>(core, std::move(socket), std::move(context))->start();
  }

  // Every connection that is alive now.
  void each_connection(void (Connection::*method)()) {
    std::vector<std::shared_ptr<Connection>> all;
    {
      const std::lock_guard lock(core->mutex);
      for (Connection* connection : core->connections) {
        // Null for one that is in its destructor and waits for the mutex.
        if (auto alive = connection->weak_from_this().lock()) all.push_back(std::move(alive));
      }
    }
    for (const auto& connection : all) (connection.get()->*method)();
  }

  void wait_for_connections(std::chrono::milliseconds limit) {
    std::unique_lock lock(core->mutex);
    core->none_left.wait_for(lock, limit, [this] { return core->connections.empty(); });
  }

  void stop() {
    const std::lock_guard lock(stop_mutex);
    if (std::exchange(stopped, true)) return;
    core->stopping = true;
    listener->close();
    each_connection(&Connection::stop_soon);
    wait_for_connections(core->options.stop_grace);
    each_connection(&Connection::close_now);
    core->stop_work.request_stop();
    wait_for_connections(std::chrono::milliseconds(500));
    core->work.stop();
    core->work.join();
    listener->join();
  }
};

Server::Server(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Server::~Server() {
  stop();
}

Result<std::unique_ptr<Server>> Server::start(ServerOptions options, const std::string& certificate_chain_pem,
                                              const std::string& key_pem, Authenticator& authenticator,
                                              Handler& handler) {
  auto context = net::make_tls_context(certificate_chain_pem, key_pem);
  if (!context) return fail_in("the run server", context.error());
  auto impl = std::make_unique<Impl>(std::make_shared<Core>(std::move(options), authenticator, handler));
  impl->core->certificate = std::move(*context);
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

Result<void> Server::set_certificate(const std::string& certificate_chain_pem, const std::string& key_pem) {
  auto context = net::make_tls_context(certificate_chain_pem, key_pem);
  if (!context) return fail_in("the run server", context.error());
  const std::lock_guard lock(impl_->core->mutex);
  impl_->core->certificate = std::move(*context);
  return {};
}

void Server::stop() {
  impl_->stop();
}

Server::Stats Server::stats() const {
  const std::lock_guard lock(impl_->core->mutex);
  return {impl_->core->connections.size(), impl_->core->requests, impl_->core->refused};
}

}  // namespace modelrun::runserver
