#include "kube/cpprest/cpprest_transport.h"

#include <cpprest/http_client.h>
#include <poll.h>
#include <pplx/threadpool.h>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <charconv>
#include <mutex>

#include "kube/cpprest/default_trust.h"
#include "kube/cpprest/pending_request.h"
#include "kube/cpprest/tls.h"

namespace modelrun::kube {
namespace {

namespace http = web::http;
using boost::asio::ip::tcp;

// The library's own time-outs for inactivity. The time-outs of PendingRequest come first; these limit a connect() whose
// caller has left.
constexpr std::chrono::seconds kSendInactivity{300};
constexpr std::chrono::seconds kStreamInactivity{3600};
// A request is given up after this many closed connections in a row, because then something else is wrong.
constexpr int kStaleRetries = 64;

// Starts the library with one thread. The library does not serialise its operations on a connection; a single thread
// does that.
void start_library() {
  static std::once_flag once;
  std::call_once(once, [] {
    try {
      crossplat::threadpool::initialize_with_threads(1);
    } catch (const std::exception&) {  // NOLINT(bugprone-empty-catch): the comment says why
      // Another part of this process has started the library already, with the number of threads that it wants.
    }
  });
}

// Throws StaleConnection when the server has closed the connection. The library calls it before every request, with
// the connection that it is about to use. When a pooled connection is readable, it must have been closed, because an
// HTTP/1.1 server sends nothing without a request.
void refuse_closed(const tcp::socket& socket) {
  if (!socket.is_open()) return;  // a new connection, which is not open yet
  pollfd state{const_cast<tcp::socket&>(socket).native_handle(), POLLIN | POLLRDHUP, 0};
  // NOLINTNEXTLINE(bugprone-std-exception-baseclass): only this file throws and catches it
  if (::poll(&state, 1, 0) != 0) throw StaleConnection{};
}

http::client::http_client_config client_config(const Config& config, bool secure, std::chrono::seconds timeout,
                                               const std::shared_ptr<TlsSettings>& tls) {
  http::client::http_client_config result;
  result.set_timeout(timeout);
  result.set_max_redirects(0);
  result.set_validate_certificates(!config.insecure_skip_tls_verify);
  result.set_ssl_context_callback([tls](boost::asio::ssl::context& context) { tls->apply(context); });
  result.set_nativehandle_options([secure](http::client::native_handle handle) {
    if (secure) {
      refuse_closed(static_cast<boost::asio::ssl::stream<tcp::socket&>*>(handle)->next_layer());
    } else {
      refuse_closed(*static_cast<tcp::socket*>(handle));
    }
  });
  return result;
}

const http::method& method_of(Method method) {
  switch (method) {
    case Method::kGet:
      return http::methods::GET;
    case Method::kPost:
      return http::methods::POST;
    case Method::kPut:
      return http::methods::PUT;
    case Method::kPatch:
      return http::methods::PATCH;
    case Method::kDelete:
      return http::methods::DEL;
  }
  return http::methods::GET;
}

std::optional<std::chrono::seconds> retry_after(const http::http_response& response) {
  const auto found = response.headers().find("Retry-After");
  if (found == response.headers().end()) return std::nullopt;
  int seconds = 0;
  const auto& text = found->second;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (error != std::errc{} || seconds < 0) return std::nullopt;
  return std::chrono::seconds{seconds};
}

// Ends the exchange with the Error for an exception that the library has thrown.
void report_failure(const std::shared_ptr<PendingRequest>& exchange, std::exception_ptr failure) {
  try {
    std::rethrow_exception(std::move(failure));
  } catch (const StaleConnection&) {
    exchange->finished(Error{ErrorKind::kUnavailable, "the connection was closed"}, true);
  } catch (const http::http_exception& error) {
    const auto& code = error.error_code();
    auto kind = ErrorKind::kUnavailable;
    if (code == std::errc::timed_out) kind = ErrorKind::kTimeout;
    if (code == std::errc::operation_canceled) kind = ErrorKind::kCancelled;
    // After a request that it could not repeat, the library puts a new connection into the pool without opening it.
    // The next request on that connection fails with this code, and nothing has been sent.
    const bool never_open = code == std::errc::bad_file_descriptor;
    exchange->finished(Error{kind, error.what()}, never_open);
  } catch (const std::exception& error) {
    exchange->finished(Error{ErrorKind::kUnavailable, error.what()});
  }
}

// Passes the headers, the end of the body and failures of a started request to its exchange.
void follow(const std::shared_ptr<PendingRequest>& exchange, const pplx::task<http::http_response>& started) {
  started.then([exchange](const pplx::task<http::http_response>& headers) {
    try {
      const auto response = headers.get();
      exchange->headers(response.status_code(), retry_after(response));
      response.content_ready().then([exchange](const pplx::task<http::http_response>& body) {
        try {
          body.get();
          exchange->finished(std::nullopt);
        } catch (...) {
          report_failure(exchange, std::current_exception());
        }
      });
    } catch (...) {
      report_failure(exchange, std::current_exception());
    }
  });
}

class CpprestTransport final : public Transport {
 public:
  CpprestTransport(const Config& config, const web::uri& base, const std::shared_ptr<TlsSettings>& tls)
      : config_(config),
        tls_(tls),
        tokens_(config, clock_),
        sends_(base, client_config(config, base.scheme() == "https", kSendInactivity, tls)),
        streams_(base, client_config(config, base.scheme() == "https", kStreamInactivity, tls)) {}

  Result<Response> send(const Request& request, std::stop_token stop) override {
    const auto deadline = std::chrono::steady_clock::now() + request.timeout;
    return authorised(sends_, request, stop, [&](PendingRequest& exchange) { return exchange.wait(deadline, stop); });
  }

  Result<Response> stream(const Request& request, std::chrono::milliseconds idle_timeout, const OnData& on_data,
                          std::stop_token stop) override {
    return authorised(streams_, request, stop,
                      [&](PendingRequest& exchange) { return exchange.wait_stream(idle_timeout, on_data, stop); });
  }

 private:
  using Wait = std::function<RequestEnd(PendingRequest&)>;

  // Carries out a request with the current credential. After 401 it is sent once more if there is a new token; that
  // is safe for writes, because the server has not executed a request that it did not authenticate.
  Result<Response> authorised(http::client::http_client& client, const Request& request, const std::stop_token& stop,
                              const Wait& wait) {
    auto credential = tokens_.credential(stop);
    RETURN_IF_ERROR(credential);
    auto response = exchange(client, request, *credential, stop, wait);
    if (!response || response->status != 401) return response;
    tokens_.rejected();
    auto renewed = tokens_.credential(stop);
    if (!renewed || renewed->token == credential->token) return response;
    return exchange(client, request, *renewed, stop, wait);
  }

  Result<Response> exchange(http::client::http_client& client, const Request& request, const ExecCredential& credential,
                            const std::stop_token& stop, const Wait& wait) {
    if (!credential.client_cert_pem.empty()) {
      auto used = tls_->use_certificate(credential.client_cert_pem, credential.client_key_pem);
      RETURN_IF_ERROR(used);
    }
    for (int tries = 0;; ++tries) {
      if (stop.stop_requested()) return fail(ErrorKind::kCancelled, "stopped");
      const auto exchange = std::make_shared<PendingRequest>(request.max_body_bytes);
      try {
        const WithoutDefaultTrust cheap_contexts;
        follow(exchange, client.request(message(request, credential.token, exchange), exchange->token()));
      } catch (const std::exception& error) {
        return fail(ErrorKind::kInvalid, "{} {}: {}", to_string(request.method), request.path, error.what());
      }
      auto outcome = wait(*exchange);
      if (!outcome.stale || tries >= kStaleRetries) return std::move(outcome.result);
    }
  }

  [[nodiscard]] http::http_request message(const Request& request, const std::string& token,
                                           const std::shared_ptr<PendingRequest>& exchange) const {
    http::http_request result(method_of(request.method));
    result.set_request_uri(web::uri(request.path));
    auto& headers = result.headers();
    headers.add("Accept", request.accept);
    headers.add("User-Agent", "modelrun/" MODELRUN_VERSION);
    if (!token.empty()) headers.add("Authorization", "Bearer " + token);
    // The library takes the name that the server's certificate must carry from this header.
    if (!config_.tls_server_name.empty()) headers.add("Host", config_.tls_server_name);
    for (const auto& [name, value] : config_.headers) headers.add(name, value);
    for (const auto& [name, value] : request.headers) headers.add(name, value);
    if (!request.body.empty()) {
      result.set_body(body_source(request.body), request.body.size(), request.content_type);
    }
    result.set_response_stream(body_sink(exchange));
    result.set_progress_handler([exchange](http::message_direction::direction direction, utility::size64_t) {
      if (direction == http::message_direction::upload) exchange->sending();
    });
    return result;
  }

  const Config config_;
  const std::shared_ptr<TlsSettings> tls_;
  const SystemClock clock_;
  TokenSource tokens_;
  http::client::http_client sends_;
  http::client::http_client streams_;
};

}  // namespace

Result<std::unique_ptr<Transport>> make_cpprest_transport(const Config& config) {
  start_library();
  auto tls = TlsSettings::make(config);
  if (!tls) return fail_in("connect to " + config.server, tls.error());
  try {
    const web::uri base(config.server);
    if (base.scheme() != "https" && base.scheme() != "http") {
      return fail(ErrorKind::kInvalid, "server '{}': neither https nor http", config.server);
    }
    if (base.host().starts_with('[')) {
      return fail(ErrorKind::kInvalid,
                  "server '{}': the HTTP client cannot connect to an IPv6 address; write a name that has this address "
                  "(in DNS or /etc/hosts), and if the certificate has another name, that one as tls-server-name",
                  config.server);
    }
    return std::make_unique<CpprestTransport>(config, base, *tls);
  } catch (const std::exception& error) {
    return fail(ErrorKind::kInvalid, "server '{}': {}", config.server, error.what());
  }
}

}  // namespace modelrun::kube
