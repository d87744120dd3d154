// What the agent asks of the run server, with its retries. See api/sandbox.h for the interface.
#pragma once

#include <string>

#include "api/sandbox.h"
#include "sandbox/https_client.h"
#include "sandbox/layout.h"

namespace modelrun::sandbox {

struct RunServerAddress {
  std::string endpoint;  // IP:PORT
  std::string name;
  std::string ca_pem;
  std::string run_namespace;
  std::string run_name;
  std::string run_uid;
  int attempt = 0;
};

// Between tries; the waits double, with jitter of up to half.
struct RetryPolicy {
  std::chrono::milliseconds first{10};
  std::chrono::milliseconds most{2000};
  std::chrono::milliseconds total;
};

// Thread-safe. All waits end when `stop` (an eventfd) is raised: kCancelled.
// Errors of every call: kDenied (401, 403, with the server's words), kConflict (409: the attempt is over), kUnavailable
// or kTimeout when `total` ran out, kInvalid for an answer that makes no sense.
class RunServer {
 public:
  static Result<RunServer> create(const RunServerAddress& address, const Layout& layout);

  // Unpacks the attempt's source into the repository directory, digest checked.
  Result<void> fetch_source(const RetryPolicy& retry, int stop) const;
  // Waits for an order: true for "cancel", false when there was none; ask again.
  Result<bool> ask_for_order(int stop) const;
  Result<void> push_result(const api::ResultFrame& frame, const RetryPolicy& retry, int stop) const;

 private:
  RunServer(HttpsClient client, Layout layout, std::string prefix)
      : client_(std::move(client)), layout_(std::move(layout)), prefix_(std::move(prefix)) {}

  Result<void> post(std::string_view what, std::string body, std::string_view encoding, std::chrono::milliseconds idle,
                    int stop, const ResponseHandler& on_success) const;
  Result<void> fetch_once(int stop) const;

  HttpsClient client_;
  Layout layout_;
  std::string prefix_;
};

// True when another try may help.
bool is_transient(const Error& error);

}  // namespace modelrun::sandbox
