// The run server's certificates, shared by all replicas through one Secret.
#pragma once

#include <stop_token>
#include <string>

#include "base/clock.h"
#include "base/error.h"
#include "kube/client.h"
#include "runserver/tls.h"

namespace modelrun::op {

inline constexpr const char* kTlsSecret = "modelrun-run-server-tls";

struct Certificates {
  std::string ca_bundle;  // what pods trust
  runserver::KeyPair serving;
};

// Reads the Secret; makes or renews what is missing or past two thirds of its life. Two replicas may do this at once:
// the first write wins, the other reads it. An authority that is replaced stays in the bundle until it expires.
Result<Certificates> ensure_certificates(kube::Client& client, const std::string& namespace_, Time now,
                                         std::stop_token stop);

}  // namespace modelrun::op
