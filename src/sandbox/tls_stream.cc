#include "sandbox/tls_stream.h"

#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

namespace modelrun::sandbox {
namespace {

Result<UniqueFd> connect_tcp(const Endpoint& endpoint, int stop, std::chrono::milliseconds idle) {
  UniqueFd socket(::socket(endpoint.address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket) return std::unexpected(errno_error("socket", errno));
  const int on = 1;
  (void)::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&endpoint.address), endpoint.size) == 0) return socket;
  if (errno != EINPROGRESS) return fail(ErrorKind::kUnavailable, "connect: {}", std::strerror(errno));
  if (auto ready = wait_ready(socket.get(), POLLOUT, stop, Monotonic::now() + idle); !ready) {
    return fail_in("connect", ready.error());
  }
  int error = 0;
  socklen_t size = sizeof error;
  ::getsockopt(socket.get(), SOL_SOCKET, SO_ERROR, &error, &size);
  if (error != 0) return fail(ErrorKind::kUnavailable, "connect: {}", std::strerror(error));
  return socket;
}

std::string last_ssl_error(SSL* ssl) {
  if (const long verify = SSL_get_verify_result(ssl); verify != X509_V_OK) return X509_verify_cert_error_string(verify);
  const unsigned long code = ERR_get_error();
  const char* reason = code == 0 ? nullptr : ERR_reason_error_string(code);
  return reason == nullptr ? "the connection broke" : reason;
}

}  // namespace

Result<TlsStream> TlsStream::open(SSL_CTX* context, const Endpoint& endpoint, const std::string& name, int stop,
                                  std::chrono::milliseconds idle) {
  auto socket = connect_tcp(endpoint, stop, idle);
  RETURN_IF_ERROR(socket);
  TlsStream stream;
  stream.socket_ = *std::move(socket);
  stream.ssl_.reset(SSL_new(context));
  stream.stop_ = stop;
  stream.idle_ = idle;
  SSL* ssl = stream.ssl_.get();
  if (ssl == nullptr || SSL_set_fd(ssl, stream.socket_.get()) != 1 || SSL_set1_host(ssl, name.c_str()) != 1 ||
      SSL_set_tlsext_host_name(ssl, name.c_str()) != 1) {
    return fail(ErrorKind::kInternal, "TLS: cannot prepare a connection");
  }
  SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  while (true) {
    ERR_clear_error();
    const int result = SSL_connect(ssl);
    if (result == 1) return stream;
    if (auto waited = stream.wait(result); !waited) return fail_in("TLS handshake", waited.error());
  }
}

Result<void> TlsStream::wait(int result) {
  const int need = SSL_get_error(ssl_.get(), result);
  if (need != SSL_ERROR_WANT_READ && need != SSL_ERROR_WANT_WRITE) {
    return fail(ErrorKind::kUnavailable, "{}", last_ssl_error(ssl_.get()));
  }
  return wait_ready(socket_.get(), need == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT, stop_, Monotonic::now() + idle_);
}

Result<void> TlsStream::write(std::string_view bytes) {
  while (!bytes.empty()) {
    ERR_clear_error();
    std::size_t put = 0;
    const int result = SSL_write_ex(ssl_.get(), bytes.data(), bytes.size(), &put);
    if (result == 1) {
      bytes.remove_prefix(put);
    } else if (auto waited = wait(result); !waited) {
      return fail_in("send", waited.error());
    }
  }
  return {};
}

Result<std::size_t> TlsStream::read(std::span<char> into) {
  while (true) {
    ERR_clear_error();
    std::size_t got = 0;
    const int result = SSL_read_ex(ssl_.get(), into.data(), into.size(), &got);
    if (result == 1) return got;
    if (SSL_get_error(ssl_.get(), result) == SSL_ERROR_ZERO_RETURN) return std::size_t{0};
    if (auto waited = wait(result); !waited) return fail_in("receive", waited.error());
  }
}

}  // namespace modelrun::sandbox
