// The sink of the product: HTTP or HTTPS, with a signature.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/lookup.h"
#include "base/mutex.h"
#include "cloudevents/signature.h"
#include "cloudevents/sink.h"
#include "outbound/connection.h"

namespace modelrun::cloudevents {

struct SinkSettings {
  outbound::Address address{};
  std::string ca_file{};                      // a PEM file with the only CAs to trust; empty: the system's trust store
  std::string key_file{};                     // see parse_keys()
  std::chrono::milliseconds timeout{10'000};  // for one exchange, after the name has been resolved
};

// Thread-safe. Reads the two files for each event, so that a Secret or ConfigMap that changes is followed; an event is
// never sent without a signature, nor with a trust that was meant to be replaced. Keeps the connections of the calls
// that were made at once for later calls, so there are as many as there are threads that call. Keeps a reference to
// the clock.
class HttpSink final : public Sink {
 public:
  HttpSink(SinkSettings settings, const Clock& clock, Lookup lookup = system_lookup);

  // kDenied: the file of the keys, or that of the CAs, cannot be read or used.
  Result<kube::Response> send(const Event& event, std::stop_token stop) override;

 private:
  struct Idle {
    std::string ca_pem;
    std::unique_ptr<outbound::Connection> connection;
  };
  std::unique_ptr<outbound::Connection> take(const std::string& ca_pem);

  const SinkSettings settings_;
  const Clock& clock_;
  const Lookup lookup_;
  Mutex mutex_;
  std::vector<Idle> idle_ GUARDED_BY(mutex_);
};

// The keys in that file. kDenied when it cannot be read, or holds what is no key; the message names the file, and has
// nothing of what is in it.
Result<Keys> read_keys(const std::string& path);

}  // namespace modelrun::cloudevents
