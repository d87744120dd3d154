// The command line of modelrun-gateway.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "api/api_token.h"
#include "base/endpoint.h"
#include "gateway/app.h"
#include "gateway/jwt.h"
#include "gateway/token_review.h"
#include "runtime/process_flags.h"

namespace modelrun::gateway {

struct Flags : runtime::ProcessFlags {
  std::string token_namespace{api::kApiTokenNamespace};  // of the API tokens' Secrets
  Endpoint listen{"127.0.0.1", 8443};
  std::string tls_cert, tls_key;  // files; empty: plain HTTP
  bool insecure_http = false;
  bool auth = true;
  std::string default_namespace = "default";  // of callers, when authentication is off
  ReviewOptions review;
  std::vector<JwtIssuer> jwt_issuers;
  AppOptions app;
  std::chrono::seconds stop_grace{20};
};

// Gives the flags, or the exit code to leave with (0 after --help and --version, 2 for a wrong command line; what is to
// be said has been printed).
std::variant<Flags, int> parse_flags(int argc, const char* const* argv);

// What must not be started: no authentication but on loopback, tokens in the clear beyond it, half a certificate.
Result<void> check_flags(const Flags& flags);

}  // namespace modelrun::gateway
