// The certificates of the run server, which all replicas of the operator share through one Secret.
#pragma once

#include <stop_token>
#include <string>

#include "base/clock.h"
#include "base/error.h"
#include "kube/client.h"
#include "runserver/tls.h"

namespace modelrun::op {

// The name of the Secret; it holds the private keys of the authority and of the server.
inline constexpr const char* kTlsSecret = "modelrun-run-server-tls";

// Holds a private key: never log it.
struct Certificates {
  std::string ca_bundle;       // PEM: the authorities that pods trust, the current one first
  runserver::KeyPair serving;  // what the run server presents
};

// Reads the Secret, creating it if needed, and returns what it holds. Makes a new authority or serving certificate
// when the present one is missing, unreadable or past two thirds of its validity at `now`; a serving certificate also
// when the authority did not sign it. Several replicas may do this at once: the first write wins, and the others read
// it. An authority that is replaced stays in the bundle until it expires (one such authority is kept). Blocks. Fails
// like kube::Client::get and its writes; kConflict when the write has lost five times; otherwise like the functions
// of runserver/tls.h.
Result<Certificates> ensure_certificates(kube::Client& client, const std::string& namespace_, Time now,
                                         std::stop_token stop);

}  // namespace modelrun::op
