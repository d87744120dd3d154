// The command-line flags of modelrun-gateway.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "api/api_token.h"
#include "base/endpoint.h"
#include "gateway/app.h"
#include "gateway/auth/jwt.h"
#include "gateway/auth/token_review.h"
#include "runtime/process_flags.h"
#include "traces/tracing.h"

namespace modelrun::gateway {

struct Flags : runtime::ProcessFlags {
  std::string token_namespace{api::kApiTokenNamespace};  // where the Secrets of the API tokens are
  Endpoint listen{"127.0.0.1", 8443};
  std::string tls_cert, tls_key;              // PEM files; both empty: plain HTTP
  bool insecure_http = false;                 // plain HTTP is allowed on other addresses than loopback
  bool auth = true;                           // false: every caller is served without a token
  std::string default_namespace = "default";  // for projects named without a namespace, when `auth` is false
  ReviewOptions review;
  std::vector<JwtIssuer> jwt_issuers;
  AppOptions app;
  std::size_t max_connections_per_peer = 512;  // from one address or IPv6 network
  std::chrono::seconds drain{5};               // between the signal to end and the closing of the port
  std::chrono::seconds stop_grace{20};
  traces::TraceChoice traces;
};

// Parses the command line, reads the --jwt-issuers file and checks the result with check_flags(). Returns the flags,
// or the exit code of the process: 0 after --help and --version, 2 if the command line or the file is wrong. In both
// cases the output or the error message has been printed.
std::variant<Flags, int> parse_flags(int argc, const char* const* argv);

// Fails with kInvalid for a combination that is not safe: authentication off on another address than loopback, plain
// HTTP on such an address without --insecure-http, or a certificate without its key (or the key without it).
Result<void> check_flags(const Flags& flags);

}  // namespace modelrun::gateway
