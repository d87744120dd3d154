#include "operator/certificates.h"

#include <gtest/gtest.h>

#include "fakes/fake_api_server.h"
#include "fakes/manual_clock.h"

namespace modelrun::op {
namespace {

using runserver::is_signed_by;
using std::chrono::days;

class CertificatesTest : public ::testing::Test {
 protected:
  Certificates ensure() {
    auto made = ensure_certificates(client_, "system", clock_.now(), {});
    EXPECT_TRUE(made) << made.error().message;
    return made.value_or(Certificates{});
  }
  kube::Json secret() { return server_.find(kube::kSecrets, "system", kTlsSecret).value(); }

  fakes::ManualClock clock_;
  fakes::FakeApiServer server_{clock_};
  kube::Client client_{server_};
};

TEST_F(CertificatesTest, AreMadeOnceAndShared) {
  const auto first = ensure();
  EXPECT_TRUE(is_signed_by(first.serving, first.ca_bundle, clock_.now()));
  const auto other_replica = ensure();
  EXPECT_EQ(other_replica.ca_bundle, first.ca_bundle);
  EXPECT_EQ(other_replica.serving.key_pem, first.serving.key_pem);
  EXPECT_EQ(server_.writes(), 1);
}

TEST_F(CertificatesTest, TheFirstOfTwoWritersWins) {
  std::string winner;
  server_.set_hook([&](const kube::Request&, int write) {
    if (write == 1) {
      // Between our look and our write.
      fakes::FakeApiServer elsewhere(clock_);
      kube::Client other(elsewhere);
      winner = ensure_certificates(other, "system", clock_.now(), {})->ca_bundle;
      server_.put(kube::kSecrets, elsewhere.find(kube::kSecrets, "system", kTlsSecret).value());
    }
    return fakes::Fault::kNone;
  });
  EXPECT_EQ(ensure().ca_bundle, winner);
}

TEST_F(CertificatesTest, TheServingCertificateIsRenewedUnderTheSameAuthority) {
  const auto first = ensure();
  clock_.advance(days(200));
  EXPECT_EQ(ensure().serving.certificate_pem, first.serving.certificate_pem);
  clock_.advance(days(50));
  const auto renewed = ensure();
  EXPECT_NE(renewed.serving.certificate_pem, first.serving.certificate_pem);
  EXPECT_EQ(renewed.ca_bundle, first.ca_bundle);
  EXPECT_TRUE(is_signed_by(renewed.serving, first.ca_bundle, clock_.now())) << "pods that run now go on trusting it";
}

TEST_F(CertificatesTest, BothAuthoritiesAreTrustedWhileOneFollowsTheOther) {
  const auto first = ensure();
  clock_.advance(days(2500));
  const auto second = ensure();
  EXPECT_TRUE(is_signed_by(second.serving, second.ca_bundle, clock_.now()));
  EXPECT_FALSE(is_signed_by(second.serving, first.ca_bundle, clock_.now())) << "another authority";
  EXPECT_NE(second.ca_bundle.find(first.ca_bundle), std::string::npos)
      << "replicas that have not seen it serve the old";
  EXPECT_EQ(ensure().ca_bundle, second.ca_bundle);
  clock_.advance(days(1200));
  EXPECT_EQ(ensure().ca_bundle.find(first.ca_bundle), std::string::npos) << "it has expired";
}

TEST_F(CertificatesTest, ASecretThatIsDamagedIsMadeAnew) {
  ensure();
  auto damaged = secret();
  damaged["data"]["tls.key"] = "bm8ga2V5";
  server_.put(kube::kSecrets, damaged);
  const auto mended = ensure();
  EXPECT_TRUE(is_signed_by(mended.serving, mended.ca_bundle, clock_.now()));
  damaged["data"] = kube::Json::object();
  server_.put(kube::kSecrets, damaged);
  const auto anew = ensure();
  EXPECT_TRUE(is_signed_by(anew.serving, anew.ca_bundle, clock_.now()));
}

TEST_F(CertificatesTest, WithoutTheRightToWriteNothingIsPretended) {
  server_.set_hook(
      [](const kube::Request&, int write) { return write > 0 ? fakes::Fault::k403 : fakes::Fault::kNone; });
  const auto made = ensure_certificates(client_, "system", clock_.now(), {});
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().kind, ErrorKind::kDenied);
}

}  // namespace
}  // namespace modelrun::op
