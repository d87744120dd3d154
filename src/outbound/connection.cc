#include "outbound/connection.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "kube/config.h"
#include "kube/cpprest/cpprest_transport.h"

namespace modelrun::outbound {
namespace {

constexpr std::chrono::milliseconds kLookupTime{5'000};
constexpr std::size_t kMaxAnswerBytes = std::size_t{64} << 10U;

bool is_ip4(const std::string& host) {
  std::array<std::uint8_t, 4> bytes{};
  return inet_pton(AF_INET, host.c_str(), bytes.data()) == 1;
}

// The value of the header Host, which with https is also the name that the certificate must carry; the HTTP client
// takes that name from the header, and therefore the header has no port then.
std::string host_header(const Address& address) {
  if (is_ip4(address.host)) return {};  // the client's own is right
  return address.secure ? address.host : fmt::format("{}:{}", address.host, address.port);
}

}  // namespace

Result<Address> parse_url(const std::string& url, std::string_view what) {
  const auto wrong = [&](std::string_view why) {
    // What stands before an '@' may be a password.
    const auto shown = url.find('@') == std::string::npos ? fmt::format("'{}'", url.substr(0, 200)) : "the value";
    return fail(ErrorKind::kInvalid, "{} is no URL of {}: {}", shown, what, why);
  };
  Address address;
  std::string_view rest(url);
  address.secure = rest.starts_with("https://");
  if (!address.secure && !rest.starts_with("http://")) return wrong("it begins with neither http:// nor https://");
  rest.remove_prefix(address.secure ? 8 : 7);
  // What stands in a URL is put into the head of each request.
  const auto strange = [](unsigned char c) { return c <= ' ' || c >= 0x7F || c == '?' || c == '#' || c == '@'; };
  if (std::ranges::any_of(rest, strange)) return wrong("it has a user, a query, a fragment or a space");
  const auto slash = rest.find('/');
  address.path = slash == std::string_view::npos ? "/" : std::string(rest.substr(slash));
  rest = rest.substr(0, slash);
  address.port = address.secure ? 443 : 80;
  if (rest.starts_with('[')) return wrong("the HTTP client reaches an IPv6 address by a name only");
  if (const auto colon = rest.find(':'); colon != std::string_view::npos) {
    const auto port = rest.substr(colon + 1);
    const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), address.port);
    if (error != std::errc{} || end != port.data() + port.size() || address.port == 0) return wrong("its port is none");
    rest = rest.substr(0, colon);
  }
  if (rest.empty()) return wrong("it has no host");
  address.host = rest;
  return address;
}

Result<void> Connection::connect(const std::stop_token& stop) {
  if (transport_) return {};
  std::vector<std::string> found{address_.host};
  if (!is_ip4(address_.host)) {
    auto addresses = lookup_(address_.host, kLookupTime, stop);
    RETURN_IF_ERROR(addresses);
    if (addresses->empty()) return fail(ErrorKind::kUnavailable, "resolve {}: it has no address", address_.host);
    std::erase_if(*addresses, [](const auto& address) { return !is_ip4(address); });
    // The client takes no IPv6 address. It resolves the name itself where there are no others; the name server has
    // just answered.
    if (!addresses->empty()) found = std::move(*addresses);
  }
  const auto& connected_to = found[turn_++ % found.size()];
  kube::Config config;
  config.server = fmt::format("{}://{}:{}", address_.secure ? "https" : "http", connected_to, address_.port);
  config.ca_pem = address_.ca_pem;
  config.tls_server_name = host_header(address_);
  config.headers = address_.headers;
  auto made = kube::make_cpprest_transport(config);
  RETURN_IF_ERROR(made);
  transport_ = std::move(*made);
  return {};
}

Result<kube::Response> Connection::post(std::string_view stage, const Message& message, const std::stop_token& stop) {
  const auto whole_stage = fmt::format("{} to {}:{}", stage, address_.host, address_.port);
  if (auto connected = connect(stop); !connected) return fail_in(whole_stage, connected.error());
  kube::Request request{.method = kube::Method::kPost,
                        .path = address_.path,
                        .body = message.body,
                        .content_type = message.content_type,
                        .timeout = message.timeout,
                        .max_body_bytes = kMaxAnswerBytes,
                        .headers = message.headers};
  auto response = transport_->send(request, stop);
  // Who answers otherwise may no longer be the server that was meant: addresses of pods are given to others.
  if (!response || !response->ok()) transport_.reset();
  if (!response) return fail_in(whole_stage, response.error());
  return response;
}

}  // namespace modelrun::outbound
