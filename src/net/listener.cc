#include "net/listener.h"

#include <atomic>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <thread>
#include <vector>

#include "base/log.h"

namespace modelrun::net {

namespace asio = boost::asio;
using asio::ip::tcp;
using ErrorCode = boost::system::error_code;

namespace {

Result<void> listen_on(tcp::acceptor& acceptor, const Endpoint& where) {
  ErrorCode error;
  const auto address = asio::ip::make_address(where.address, error);
  if (error) return fail(ErrorKind::kInvalid, "listen: '{}' is not an IP address", where.address);
  const tcp::endpoint endpoint(address, where.port);
  acceptor.open(endpoint.protocol(), error);
  if (!error) acceptor.set_option(asio::socket_base::reuse_address(true), error);
  if (!error) acceptor.bind(endpoint, error);
  if (!error) acceptor.listen(asio::socket_base::max_listen_connections, error);
  if (!error) return {};
  return fail(ErrorKind::kUnavailable, "listen on {} port {}: {}", where.address, where.port, error.message());
}

}  // namespace

struct Listener::Impl {
  Impl(asio::io_context& context, Take given) : io(context), take(std::move(given)) {}

  asio::io_context& io;
  const Take take;
  tcp::acceptor acceptor{io};    // used only on `strand` once the threads run
  asio::steady_timer retry{io};  // used only on `strand`
  asio::strand<asio::io_context::executor_type> strand{io.get_executor()};
  asio::executor_work_guard<asio::io_context::executor_type> guard{io.get_executor()};
  std::atomic<bool> closed{false};
  std::uint16_t port = 0;
  std::vector<std::thread> threads;

  void accept() {
    acceptor.async_accept(asio::make_strand(io), asio::bind_executor(strand, [this](ErrorCode error, tcp::socket made) {
                            if (error == asio::error::operation_aborted || closed) return;
                            if (error) return accept_later(error);
                            ErrorCode ignored;
                            made.set_option(tcp::no_delay(true), ignored);
                            take(std::move(made));
                            accept();
                          }));
  }

  // The usual cause is that the process has no descriptors left. Accepting again at once would fail again and keep
  // the thread busy, so it waits.
  void accept_later(ErrorCode why) {
    log::warn("a connection cannot be accepted", {{"port", std::to_string(port)}, {"error", why.message()}});
    retry.expires_after(std::chrono::milliseconds(100));
    retry.async_wait(asio::bind_executor(strand, [this](ErrorCode stopped) {
      if (!stopped && !closed) accept();
    }));
  }

  void close() {
    if (closed.exchange(true)) return;
    asio::post(strand, [this] {
      ErrorCode ignored;
      acceptor.close(ignored);
      retry.cancel();
    });
  }

  void join() {
    io.stop();
    for (std::thread& thread : threads) thread.join();
    threads.clear();
    // A handler that is still queued on the strand of a connection keeps that connection alive, and the connection
    // may keep the owner of `io` alive. Running the queued handlers breaks this cycle.
    io.restart();
    io.poll();
  }
};

Listener::Listener(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Listener::~Listener() {
  impl_->close();
  if (!impl_->threads.empty()) impl_->join();
}

Result<std::unique_ptr<Listener>> Listener::start(asio::io_context& io, const Endpoint& where, int threads, Take take) {
  auto impl = std::make_unique<Impl>(io, std::move(take));
  RETURN_IF_ERROR(listen_on(impl->acceptor, where));
  impl->port = impl->acceptor.local_endpoint().port();
  impl->accept();
  for (int i = 0; i < threads; ++i) impl->threads.emplace_back([&io] { io.run(); });
  return std::unique_ptr<Listener>(new Listener(std::move(impl)));
}

std::uint16_t Listener::port() const {
  return impl_->port;
}

void Listener::close() {
  impl_->close();
}

void Listener::join() {
  impl_->join();
}

}  // namespace modelrun::net
