#include "runserver/tls.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace modelrun::runserver {
namespace {

const Time kNow = *parse_rfc3339("2026-11-22T12:00:00Z");
using std::chrono::days;

std::ptrdiff_t count_certificates(const std::string& pem) {
  std::ptrdiff_t count = 0;
  for (std::size_t at = pem.find("BEGIN CERT"); at != std::string::npos; at = pem.find("BEGIN CERT", at + 1)) ++count;
  return count;
}

TEST(Tls, AnAuthorityIssuesACertificate) {
  const auto ca = make_ca(kNow);
  ASSERT_TRUE(ca) << ca.error().message;
  const auto leaf = issue_certificate(*ca, kNow);
  ASSERT_TRUE(leaf) << leaf.error().message;
  EXPECT_TRUE(is_signed_by(*leaf, ca->certificate_pem, kNow));
  EXPECT_TRUE(is_signed_by(*leaf, ca->certificate_pem, kNow - std::chrono::minutes(30))) << "clocks differ";
  EXPECT_FALSE(is_signed_by(*leaf, ca->certificate_pem, kNow + days(366)));
  const auto other = make_ca(kNow);
  EXPECT_FALSE(is_signed_by(*leaf, other->certificate_pem, kNow));
  EXPECT_TRUE(is_signed_by(*leaf, other->certificate_pem + ca->certificate_pem, kNow));
  EXPECT_FALSE(is_signed_by({leaf->certificate_pem, other->key_pem}, ca->certificate_pem, kNow));
  EXPECT_FALSE(is_signed_by({"", ""}, ca->certificate_pem, kNow));
}

TEST(Tls, RenewsAfterTwoThirdsOfALife) {
  const auto ca = make_ca(kNow);
  const auto leaf = issue_certificate(*ca, kNow, kServerName, days(90));
  EXPECT_FALSE(needs_renewal(leaf->certificate_pem, kNow));
  EXPECT_FALSE(needs_renewal(leaf->certificate_pem, kNow + days(59)));
  EXPECT_TRUE(needs_renewal(leaf->certificate_pem, kNow + days(61)));
  EXPECT_TRUE(needs_renewal("rubbish", kNow));
}

TEST(Tls, ACertificateDoesNotOutliveItsAuthority) {
  const auto ca = make_ca(kNow, days(30));
  const auto leaf = issue_certificate(*ca, kNow, kServerName, days(365));
  EXPECT_FALSE(is_signed_by(*leaf, ca->certificate_pem, kNow + days(31)));
  EXPECT_TRUE(needs_renewal(leaf->certificate_pem, kNow + days(21)));
}

TEST(Tls, RefusesBadInput) {
  const auto ca = make_ca(kNow);
  EXPECT_FALSE(issue_certificate(*ca, kNow, "x,DNS:evil"));
  EXPECT_FALSE(issue_certificate(*ca, kNow, ""));
  EXPECT_FALSE(issue_certificate({ca->certificate_pem, make_ca(kNow)->key_pem}, kNow));
  EXPECT_FALSE(issue_certificate({"", ""}, kNow));
}

TEST(Tls, ABundleHoldsOldAndNew) {
  const auto old_ca = make_ca(kNow, days(10));
  const auto new_ca = make_ca(kNow);
  const auto both = make_bundle({new_ca->certificate_pem, old_ca->certificate_pem + new_ca->certificate_pem}, kNow);
  ASSERT_TRUE(both);
  EXPECT_EQ(count_certificates(*both), 2);
  EXPECT_TRUE(both->starts_with(new_ca->certificate_pem));
  EXPECT_EQ(*make_bundle({new_ca->certificate_pem, old_ca->certificate_pem}, kNow + days(11)), new_ca->certificate_pem);
  EXPECT_FALSE(make_bundle({old_ca->certificate_pem}, kNow + days(11)));
  EXPECT_FALSE(make_bundle({"rubbish"}, kNow));
  EXPECT_FALSE(make_bundle({}, kNow));
}

}  // namespace
}  // namespace modelrun::runserver
