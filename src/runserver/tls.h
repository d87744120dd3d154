// The run server's certificates: an authority of our own (EC P-256) and the serving certificate it signs. Pure
// functions over PEM text; whoever calls them keeps the PEM in the Secret that the replicas share. Thread-safe.
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/error.h"

namespace modelrun::runserver {

// The name that the serving certificate carries and agents ask for; it is never resolved.
inline constexpr std::string_view kServerName = "run-server.modelrun.dev";
inline constexpr std::chrono::days kCaValidity{3650};
inline constexpr std::chrono::days kCertificateValidity{365};

// Secret material: never log it.
struct KeyPair {
  std::string certificate_pem;
  std::string key_pem;  // PKCS #8, not encrypted
};

// A new self-signed authority, valid from an hour before `now` (clocks differ).
Result<KeyPair> make_ca(Time now, std::chrono::days validity = kCaValidity);

// A serving certificate for `dns_name`, signed by `ca`, never outliving it. certificate_pem holds the leaf only:
// clients have the CA.
Result<KeyPair> issue_certificate(const KeyPair& ca, Time now, std::string_view dns_name = kServerName,
                                  std::chrono::days validity = kCertificateValidity);

// True when the (first) certificate is past two thirds of its life, or is not PEM at all.
bool needs_renewal(std::string_view certificate_pem, Time now);

// True when `leaf` was signed by `ca` and both are valid at `now`, and the leaf's key is `leaf.key_pem`.
bool is_signed_by(const KeyPair& leaf, std::string_view ca_certificate_pem, Time now);

// What clients trust while the CA turns: every certificate of `pems`, in order, without doubles and without those that
// have expired. kInvalid when none is left or one cannot be read.
Result<std::string> make_bundle(const std::vector<std::string>& pems, Time now);

}  // namespace modelrun::runserver
