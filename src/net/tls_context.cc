#include "net/tls_context.h"

#include <openssl/ssl.h>

namespace modelrun::net {

namespace asio = boost::asio;

Result<std::shared_ptr<asio::ssl::context>> make_tls_context(const std::string& chain, const std::string& key) {
  auto context = std::make_shared<asio::ssl::context>(asio::ssl::context::tls_server);
  SSL_CTX* native = context->native_handle();
  SSL_CTX_set_min_proto_version(native, TLS1_2_VERSION);
  // A session ticket is encrypted with a key that the server keeps for long. Who obtains that key can decrypt
  // recorded connections that used such tickets, which would defeat forward secrecy.
  SSL_CTX_set_options(native, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_NO_TICKET);
  // Nor is a session kept in memory: by itself OpenSSL keeps 20,480 of them, 1 KiB each, one for each handshake of
  // whoever connects. Clients keep their connections, and need not resume sessions.
  SSL_CTX_set_session_cache_mode(native, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_num_tickets(native, 0);
  SSL_CTX_set_mode(native, SSL_MODE_RELEASE_BUFFERS);  // an idle connection keeps no buffers of 17 KiB each way
  boost::system::error_code error;
  // Without a callback OpenSSL asks for the password of an encrypted key on the terminal.
  context->set_password_callback([](std::size_t, asio::ssl::context::password_purpose) { return std::string(); },
                                 error);
  if (!error) context->use_certificate_chain(asio::buffer(chain), error);
  if (error) return fail(ErrorKind::kInvalid, "the certificate cannot be used: {}", error.message());
  context->use_private_key(asio::buffer(key), asio::ssl::context::pem, error);
  if (error || SSL_CTX_check_private_key(native) != 1) {
    return fail(ErrorKind::kInvalid, "the key cannot be used, or is not the certificate's");
  }
  return context;
}

}  // namespace modelrun::net
