// The connection to one collector: OTLP over HTTP.
#pragma once

#include <string>
#include <utility>

#include "outbound/connection.h"
#include "traces/exporter.h"

namespace modelrun::traces {

using outbound::Headers;
using CollectorAddress = outbound::Address;

// outbound::parse_url() for the URL of a collector.
inline Result<CollectorAddress> parse_collector_url(const std::string& url) {
  return outbound::parse_url(url, "a collector such as http://collector.example.com:4318");
}

// Used by one thread at a time.
class Collector {
 public:
  explicit Collector(CollectorAddress address, Lookup lookup = system_lookup)
      : connection_(std::move(address), std::move(lookup)) {}

  // As Post says (exporter.h), with the bounds of outbound::Connection::post(): ten seconds for the exchange.
  Result<kube::Response> post(const std::string& body, const std::stop_token& stop) {
    return connection_.post("send spans", {.body = body, .content_type = "application/json"}, stop);
  }

 private:
  outbound::Connection connection_;
};

}  // namespace modelrun::traces
