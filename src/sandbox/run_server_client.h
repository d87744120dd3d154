// The agent's requests to the run server, with retries. api/sandbox.h defines the HTTP interface.
#pragma once

#include <string>

#include "api/points.h"
#include "api/sandbox.h"
#include "api/standby.h"
#include "base/mutex.h"
#include "sandbox/https_client.h"
#include "sandbox/layout.h"

namespace modelrun::sandbox {

struct RunServerAddress {
  std::string endpoint;  // IP:PORT
  std::string name;      // the name that the server's certificate must be issued for
  std::string ca_pem;    // the certificates that it must chain to
  std::string run_namespace;
  std::string standby;  // the name of the standby's Job; empty in a pod that was made for a run
  // Of a standby, what follows is known when it has been given work.
  std::string run_name;
  std::string run_uid;
  int attempt = 0;
};

// When to try again after a transient failure (see is_transient()). The wait between tries doubles from `first` to
// `most`; the actual wait is a random part of it, at least one half. `total` is measured from the first try: no try
// begins after it, but one that is under way is not cut short.
struct RetryPolicy {
  std::chrono::milliseconds first{10};
  std::chrono::milliseconds most{2000};
  std::chrono::milliseconds total;
};

// Returns a random time from half of `wait` to all of it, so that the pods of a burst do not retry at the same moment.
std::chrono::milliseconds with_jitter(std::chrono::milliseconds wait);

// Thread-safe. All calls block. `stop` is a descriptor, -1 for none: when it becomes readable, the call's waits end
// and it fails with kCancelled. All calls fail with
//   kDenied                            The server answered 401 or 403.
//   kConflict                          The server answered 409: the attempt is over.
//   kUnavailable, kTimeout, kThrottled A transient failure: no connection, no answer in time, 429 or 5xx. Calls with a
//                                      RetryPolicy return it when there is no time for another try.
//   kInvalid, kNotFound, kTooLarge ... Another status (see kind_of_status()), or an answer that is malformed. Also a
//                                      service-account token that cannot be read, with the kind of errno_error().
// The message quotes what the server said.
class RunServerClient {
 public:
  // Does not connect. Fails with kInvalid when the endpoint, the name or the certificates are malformed, kInternal when
  // OpenSSL fails.
  static Result<RunServerClient> create(const RunServerAddress& address, const Layout& layout);

  // Fetches the attempt's source and unpacks it into the repository directory, which every try empties first. Succeeds
  // only when the digest of the archive matches; a mismatch is transient. Fails as extract_source() does, too.
  Result<void> fetch_source(const RetryPolicy& retry, int stop) const;
  // For a standby: asks for work until there is some, unpacks the source that comes with it as fetch_source() does, and
  // writes the parameters. From then on the other calls are about the run that it names. Tries again without end after
  // transient failures.
  Result<void> await_work(int stop) const;
  // What await_work() was given, even if it failed to unpack it; nullopt before that.
  [[nodiscard]] std::optional<api::Work> work() const;
  // Asks once for an order; the server answers within 25 s. Returns true for the order "cancel", false when there is no
  // order (or an unknown one): ask again then. Does not retry.
  Result<bool> ask_for_order(int stop) const;
  // Of a run with points: asks for them, after the source. Fails with kInvalid when they are more than they may be.
  Result<api::PointList> fetch_points(const RetryPolicy& retry, int stop) const;
  // Reports rows, once. With report.last the answer takes up to 20 s.
  Result<api::RowReceipt> report_rows(const api::RowReport& report, int stop) const;
  // Sends the result. Success means that it is committed to the API server.
  Result<void> push_result(const api::ResultFrame& frame, const RetryPolicy& retry, int stop) const;

 private:
  RunServerClient(HttpsClient client, RunServerAddress address, Layout layout);

  [[nodiscard]] std::string path_of(std::string_view what) const;
  Result<bool> ask_for_work(int stop) const;
  Result<void> take_work(const HttpHead& head, const BodyReader& body) const;
  Result<void> take_source(const HttpHead& head, const BodyReader& body) const;
  Result<void> post(std::string_view what, std::string body, std::string_view encoding, std::chrono::milliseconds idle,
                    int stop, const ResponseHandler& on_success) const;
  Result<void> fetch_once(int stop) const;

  struct Given {
    Mutex mutex;
    std::optional<api::Work> work GUARDED_BY(mutex);
  };
  HttpsClient client_;
  RunServerAddress address_;
  Layout layout_;
  std::unique_ptr<Given> given_;  // behind a pointer because the client can be moved
};

}  // namespace modelrun::sandbox
