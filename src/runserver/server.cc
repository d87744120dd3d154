#include "runserver/server.h"

#include <vector>

#include "base/mutex.h"
#include "net/listener.h"
#include "net/tls_context.h"
#include "runserver/connection.h"

namespace modelrun::runserver {

struct Server::Impl {
  explicit Impl(std::shared_ptr<RunServerState> shared) : state(std::move(shared)) {}

  // Declared first, and so destroyed last, because everything below refers to it.
  std::shared_ptr<RunServerState> state;
  std::unique_ptr<net::Listener> listener;
  Mutex stop_mutex;  // held during stop()
  bool stopped GUARDED_BY(stop_mutex) = false;

  void take(asio::ip::tcp::socket socket) {
    boost::system::error_code error;
    const auto peer = socket.remote_endpoint(error).address();
    if (error) return;                          // it has left already; the destructor of `socket` closes it
    auto place = state->strangers.admit(peer);  // a connection is made only when there is a place for it
    if (!place) return;
    std::shared_ptr<asio::ssl::context> context;
    {
      const MutexLock lock(state->mutex);
      context = state->certificate;
    }
    std::make_shared<PodConnection>(state, std::move(socket), peer, std::move(context), std::move(place))->start();
  }

  // Calls `method` for every connection that is alive now.
  void each_connection(void (PodConnection::*method)()) {
    std::vector<std::shared_ptr<PodConnection>> all;
    {
      const MutexLock lock(state->mutex);
      for (PodConnection* connection : state->connections) {
        // lock() returns null for a connection whose destructor is waiting for the mutex.
        if (auto alive = connection->weak_from_this().lock()) all.push_back(std::move(alive));
      }
    }
    for (const auto& connection : all) (connection.get()->*method)();
  }

  void wait_for_connections(std::chrono::milliseconds limit) {
    MutexLock lock(state->mutex);
    state->none_left.wait_for(state->mutex, limit,
                              [this]() REQUIRES(state->mutex) { return state->connections.empty(); });
  }

  void stop() {
    const MutexLock lock(stop_mutex);
    if (std::exchange(stopped, true)) return;
    state->stopping = true;
    listener->close();
    each_connection(&PodConnection::stop_soon);
    wait_for_connections(state->options.stop_grace);
    each_connection(&PodConnection::close_now);
    state->stop_work.request_stop();
    wait_for_connections(std::chrono::milliseconds(500));
    state->work.stop();
    state->work.join();
    listener->join();
  }
};

Server::Server(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Server::~Server() {
  stop();
}

Result<std::unique_ptr<Server>> Server::start(ServerOptions options, const std::string& certificate_chain_pem,
                                              const std::string& key_pem, PodAuthenticator& authenticator,
                                              Handler& handler) {
  auto context = net::make_tls_context(certificate_chain_pem, key_pem);
  if (!context) return fail_in("the run server", context.error());
  auto impl = std::make_unique<Impl>(std::make_shared<RunServerState>(std::move(options), authenticator, handler));
  {
    const MutexLock lock(impl->state->mutex);
    impl->state->certificate = std::move(*context);
  }
  const auto& given = impl->state->options;
  auto listener = net::Listener::start(impl->state->io, {given.address, given.port}, given.io_threads,
                                       [impl = impl.get()](auto socket) { impl->take(std::move(socket)); });
  RETURN_IF_ERROR(listener);
  impl->listener = std::move(*listener);
  return std::unique_ptr<Server>(new Server(std::move(impl)));
}

std::uint16_t Server::port() const {
  return impl_->listener->port();
}

Result<void> Server::set_certificate(const std::string& certificate_chain_pem, const std::string& key_pem) {
  auto context = net::make_tls_context(certificate_chain_pem, key_pem);
  if (!context) return fail_in("the run server", context.error());
  const MutexLock lock(impl_->state->mutex);
  impl_->state->certificate = std::move(*context);
  return {};
}

void Server::stop() {
  impl_->stop();
}

Server::Stats Server::stats() const {
  const MutexLock lock(impl_->state->mutex);
  return {impl_->state->connections.size(), impl_->state->requests, impl_->state->refused,
          impl_->state->result_bytes.used()};
}

}  // namespace modelrun::runserver
