// The command line of modelrun-gateway.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "api/api_token.h"
#include "base/endpoint.h"
#include "base/log.h"
#include "gateway/app.h"
#include "gateway/jwt.h"
#include "gateway/token_review.h"

namespace modelrun::gateway {

struct Flags {
  std::optional<std::string> kubeconfig, context;
  std::string token_namespace{api::kApiTokenNamespace};  // of the API tokens' Secrets
  Endpoint listen{"127.0.0.1", 8443};
  Endpoint http_listen{"127.0.0.1", 8080};
  std::string tls_cert, tls_key;  // files; empty: plain HTTP
  bool insecure_http = false;
  bool auth = true;
  std::string default_namespace = "default";  // of callers, when authentication is off
  ReviewOptions review;
  std::vector<JwtIssuer> jwt_issuers;
  AppOptions app;
  std::chrono::seconds stop_grace{20};
  log::Format log_format = log::Format::kText;
  log::Level log_level = log::Level::kInfo;
};

// Gives the flags, or the exit code to leave with (0 after --help and --version, 2 for a wrong command line; what is to
// be said has been printed).
std::variant<Flags, int> parse_flags(int argc, const char* const* argv);

// What must not be started: no authentication but on loopback, tokens in the clear beyond it, half a certificate.
Result<void> check_flags(const Flags& flags);

}  // namespace modelrun::gateway
