#include "net/tls_context.h"

#include <gtest/gtest.h>
#include <openssl/ssl.h>

#include <memory>

#include "base/clock.h"
#include "runserver/tls.h"

namespace modelrun::net {
namespace {

TEST(TlsContext, OffersNeitherTicketsNorOldVersions) {
  const auto now = SystemClock().now();
  const auto ca = runserver::make_ca(now);
  ASSERT_TRUE(ca) << ca.error().message;
  const auto context = make_tls_context(ca->certificate_pem, ca->key_pem);
  ASSERT_TRUE(context) << context.error().message;
  SSL_CTX* native = (*context)->native_handle();
  for (const auto option : {SSL_OP_NO_TICKET, SSL_OP_NO_RENEGOTIATION, SSL_OP_NO_COMPRESSION}) {
    EXPECT_NE(SSL_CTX_get_options(native) & option, 0U) << option;
  }
  EXPECT_EQ(SSL_CTX_get_min_proto_version(native), TLS1_2_VERSION);
}

TEST(TlsContext, CertificateAndKeyMustBelongTogether) {
  const auto now = SystemClock().now();
  const auto ca = runserver::make_ca(now);
  const auto other = runserver::make_ca(now);
  ASSERT_TRUE(ca && other);
  EXPECT_EQ(make_tls_context(ca->certificate_pem, other->key_pem).error().kind, ErrorKind::kInvalid);
  EXPECT_EQ(make_tls_context("rubbish", ca->key_pem).error().kind, ErrorKind::kInvalid);
}

// Whether the handshake between the two succeeds, in memory, and the server's first byte arrives.
bool shakes_hands(SSL* server, SSL* client) {
  BIO* one = nullptr;
  BIO* other = nullptr;
  BIO_new_bio_pair(&one, 0, &other, 0);
  SSL_set_bio(server, one, one);  // owns it
  SSL_set_bio(client, other, other);
  SSL_set_accept_state(server);
  SSL_set_connect_state(client);
  for (int i = 0; i < 20 && SSL_is_init_finished(server) + SSL_is_init_finished(client) < 2; ++i) {
    SSL_do_handshake(client);
    SSL_do_handshake(server);
  }
  char byte = 'x';
  return SSL_write(server, &byte, 1) == 1 && SSL_read(client, &byte, 1) == 1;
}

TEST(TlsContext, NothingIsKeptOfConnectionsThatHaveEnded) {
  const auto now = SystemClock().now();
  const auto ca = runserver::make_ca(now);
  ASSERT_TRUE(ca);
  const auto serving = runserver::issue_certificate(*ca, now);
  ASSERT_TRUE(serving);
  const auto context = make_tls_context(serving->certificate_pem, serving->key_pem);
  ASSERT_TRUE(context);
  SSL_CTX* server_context = (*context)->native_handle();
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    const std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> client_context(SSL_CTX_new(TLS_client_method()),
                                                                           &SSL_CTX_free);
    SSL_CTX_set_max_proto_version(client_context.get(), version);
    for (int i = 0; i < 3; ++i) {
      const std::unique_ptr<SSL, decltype(&SSL_free)> server(SSL_new(server_context), &SSL_free);
      const std::unique_ptr<SSL, decltype(&SSL_free)> client(SSL_new(client_context.get()), &SSL_free);
      ASSERT_TRUE(shakes_hands(server.get(), client.get()));
      EXPECT_FALSE(SSL_SESSION_has_ticket(SSL_get0_session(client.get())));
    }
  }
  EXPECT_EQ(SSL_CTX_sess_number(server_context), 0);
}

}  // namespace
}  // namespace modelrun::net
