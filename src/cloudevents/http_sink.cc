#include "cloudevents/http_sink.h"

#include <utility>

#include "base/file.h"

namespace modelrun::cloudevents {

Result<Keys> read_keys(const std::string& path) {
  const auto text = read_file(path);
  if (!text) return fail(ErrorKind::kDenied, "the signing keys: {}", text.error().message);
  auto keys = parse_keys(*text);
  if (!keys) return fail(ErrorKind::kDenied, "the signing keys in {}: {}", path, keys.error().message);
  return keys;
}

HttpSink::HttpSink(SinkSettings settings, const Clock& clock, Lookup lookup)
    : settings_(std::move(settings)), clock_(clock), lookup_(std::move(lookup)) {}

std::unique_ptr<outbound::Connection> HttpSink::take(const std::string& ca_pem) {
  {
    const MutexLock lock(mutex_);
    std::erase_if(idle_, [&](const Idle& each) { return each.ca_pem != ca_pem; });
    if (!idle_.empty()) {
      auto connection = std::move(idle_.back().connection);
      idle_.pop_back();
      return connection;
    }
  }
  auto address = settings_.address;
  address.ca_pem = ca_pem;
  return std::make_unique<outbound::Connection>(std::move(address), lookup_);
}

Result<kube::Response> HttpSink::send(const Event& event, std::stop_token stop) {
  const auto keys = read_keys(settings_.key_file);
  RETURN_IF_ERROR(keys);
  std::string ca_pem;
  if (!settings_.ca_file.empty()) {
    auto pem = read_file(settings_.ca_file);
    if (!pem) return fail(ErrorKind::kDenied, "the sink's CA: {}", pem.error().message);
    ca_pem = std::move(*pem);
  }
  const auto seconds = std::chrono::floor<std::chrono::seconds>(clock_.now()).time_since_epoch().count();
  auto connection = take(ca_pem);
  auto response = connection->post("send an event",
                                   {.body = event.body,
                                    .content_type = std::string(kContentType),
                                    .headers = signed_headers(*keys, event.id, seconds, event.body),
                                    .timeout = settings_.timeout},
                                   stop);
  const MutexLock lock(mutex_);
  idle_.push_back({std::move(ca_pem), std::move(connection)});
  return response;
}

}  // namespace modelrun::cloudevents
