// Service-account tokens of this cluster, by TokenReview.
#pragma once

#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "gateway/auth.h"
#include "gateway/token_cache.h"
#include "kube/client.h"
#include "kube/transport.h"

namespace modelrun::gateway {

struct ReviewOptions {
  std::string audience = "modelrun.dev/gateway";  // the token must be made for us: never one that is good elsewhere
  std::string issuer;                             // the cluster's own; empty: it is asked for when a token comes
};

// The issuer that the API server publishes; blocks.
using FindIssuer = std::function<Result<std::string>(std::stop_token stop)>;
Result<std::string> published_issuer(kube::Transport& server, std::stop_token stop);

// A claim of a JWT, not verified; empty when it is no JWT or has no such text.
std::string unverified_issuer(std::string_view token);

// Thread-safe. Client and clock must outlive it. A token of another issuer, or of one that is not known to be the
// cluster's, is never shown to the cluster.
class TokenReview final : public Authenticator {
 public:
  // `find_issuer` is called, once in ten seconds at most, until it has given what `options` lacks.
  TokenReview(kube::Client& client, ReviewOptions options, const Clock& clock, FindIssuer find_issuer = {})
      : client_(client),
        audience_(std::move(options.audience)),
        clock_(clock),
        find_issuer_(std::move(find_issuer)),
        issuer_(std::move(options.issuer)) {}
  Result<Identity> authenticate(std::string_view token, std::stop_token stop) override;
  std::optional<Identity> remembered(std::string_view token) override;

 private:
  // kUnavailable when it cannot be found out now.
  Result<std::string> issuer(std::stop_token stop);

  kube::Client& client_;
  const std::string audience_;
  const Clock& clock_;
  const FindIssuer find_issuer_;
  TokenCache cache_;
  std::mutex mutex_;               // guards what follows; held while the issuer is asked for
  std::string issuer_;             // empty: not known yet
  std::optional<Time> attempted_;  // the last try
};

}  // namespace modelrun::gateway
