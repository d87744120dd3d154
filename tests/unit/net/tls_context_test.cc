#include "net/tls_context.h"

#include <gtest/gtest.h>
#include <openssl/ssl.h>

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

}  // namespace
}  // namespace modelrun::net
