// Makes and checks the certificates of the run server: a certificate authority of the operator's own (EC P-256), and
// the serving certificate that it signs. The functions keep no state, work on PEM text and are thread-safe. The caller
// stores the PEM, in the Secret that the replicas share. kInternal when OpenSSL fails.
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/error.h"

namespace modelrun::runserver {

// The DNS name in the serving certificate, which the agents verify. It is never resolved.
inline constexpr std::string_view kServerName = "run-server.modelrun.dev";
inline constexpr std::chrono::days kCaValidity{3650};
inline constexpr std::chrono::days kCertificateValidity{365};

// Secret material: never log it.
struct KeyPair {
  std::string certificate_pem;
  std::string key_pem;  // PKCS #8, not encrypted
};

// Makes a new self-signed authority. It is valid from one hour before `now`, because the clocks of nodes differ, until
// `validity` after `now`.
Result<KeyPair> make_ca(Time now, std::chrono::days validity = kCaValidity);

// Makes a serving certificate for `dns_name` with a new key, signed by `ca`. It is valid from one hour before `now`
// until `validity` after `now`, but not longer than `ca`. certificate_pem of the result holds only this certificate,
// because clients have that of the authority. kInvalid when `dns_name` is not a DNS name in lower case, or when the
// certificate and the key of `ca` cannot be used together.
Result<KeyPair> issue_certificate(const KeyPair& ca, Time now, std::string_view dns_name = kServerName,
                                  std::chrono::days validity = kCertificateValidity);

// True when two thirds of the validity of the first certificate are over, or when there is no certificate in the text.
bool needs_renewal(std::string_view certificate_pem, Time now);

// True when one of the certificates in `ca_certificate_pem` signed `leaf`, both are valid at `now`, and `leaf.key_pem`
// is the key of the leaf. Does not check the DNS name.
bool is_signed_by(const KeyPair& leaf, std::string_view ca_certificate_pem, Time now);

// Makes the list of authorities that clients trust while the authority is being replaced: every certificate of `pems`,
// in order, without duplicates and without those that have expired at `now`. kInvalid when no certificate is left, or
// when one of `pems` contains no certificate.
Result<std::string> make_bundle(const std::vector<std::string>& pems, Time now);

}  // namespace modelrun::runserver
