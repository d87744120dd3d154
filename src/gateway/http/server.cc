#include "gateway/http/server.h"

#include <vector>

#include "base/mutex.h"
#include "gateway/http/server_state.h"
#include "net/listener.h"
#include "net/tls_context.h"

namespace modelrun::gateway {

struct Server::Impl {
  explicit Impl(std::shared_ptr<ServerState> shared) : state(std::move(shared)) {}

  // Declared first because all other members refer to it.
  std::shared_ptr<ServerState> state;
  std::unique_ptr<net::Listener> listener;
  Mutex stop_mutex;  // held by stop() for its whole duration, so that a second call waits
  bool stopped GUARDED_BY(stop_mutex) = false;

  void take(asio::ip::tcp::socket socket) {
    boost::system::error_code error;
    const auto peer = socket.remote_endpoint(error).address();
    if (error) return;                      // the client has left already; the socket's destructor closes it
    auto place = state->table.admit(peer);  // a connection is made only if there is a place for it
    if (!place) return;
    std::shared_ptr<asio::ssl::context> certificate;
    {
      const MutexLock lock(state->mutex);
      certificate = state->certificate;
    }
    make_connection(state, {std::move(socket), peer, std::move(place)}, std::move(certificate))->start();
  }

  // Calls `method` on each connection that is alive now, without holding the lock.
  void each_connection(void (ClientConnection::*method)()) {
    std::vector<std::shared_ptr<ClientConnection>> all;
    {
      const MutexLock lock(state->mutex);
      for (const auto& [unused, connection] : state->connections) {
        if (auto alive = connection.lock()) all.push_back(std::move(alive));
      }
    }
    for (const auto& connection : all) (connection.get()->*method)();
  }

  void wait_for_connections(std::chrono::milliseconds limit) {
    MutexLock lock(state->mutex);
    state->none_left.wait_for(state->mutex, limit,
                              [this]() REQUIRES(state->mutex) { return state->connections.empty(); });
  }

  // Waits without a limit: by the contract of Handler, every holder releases its exchange soon.
  void wait_for_exchanges() {
    MutexLock lock(state->mutex);
    state->none_left.wait(state->mutex, [this]() REQUIRES(state->mutex) { return state->exchanges == 0; });
  }

  void stop() {
    const MutexLock lock(stop_mutex);
    if (std::exchange(stopped, true)) return;
    state->stopping = true;
    listener->close();
    each_connection(&ClientConnection::stop_soon);
    wait_for_connections(state->options.stop_grace);
    // The handlers see their stop tokens fire, and have two seconds to tell their clients.
    each_connection(&ClientConnection::end_request);
    wait_for_connections(std::chrono::seconds(2));
    each_connection(&ClientConnection::close_now);
    wait_for_connections(std::chrono::milliseconds(500));
    wait_for_exchanges();
    state->work.join();
    listener->join();
  }
};

Server::Server(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Server::~Server() {
  stop();
}

Result<std::unique_ptr<Server>> Server::start(ServerOptions options, const Certificate* certificate, Handler handler,
                                              AtOnce at_once, BodyGate gate) {
  auto impl = std::make_unique<Impl>(
      std::make_shared<ServerState>(std::move(options), std::move(handler), std::move(at_once), std::move(gate)));
  if (certificate != nullptr) {
    auto context = net::make_tls_context(certificate->chain_pem, certificate->key_pem);
    RETURN_IF_ERROR(context);
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

Result<void> Server::set_certificate(const Certificate& certificate) {
  auto context = net::make_tls_context(certificate.chain_pem, certificate.key_pem);
  RETURN_IF_ERROR(context);
  const MutexLock lock(impl_->state->mutex);
  impl_->state->certificate = std::move(*context);
  return {};
}

void Server::stop() {
  impl_->stop();
}

Server::Stats Server::stats() const {
  const MutexLock lock(impl_->state->mutex);
  return {impl_->state->connections.size(), impl_->state->exchanges, impl_->state->bodies.used(),
          impl_->state->answers.used()};
}

}  // namespace modelrun::gateway
