#include "sandbox/https_client.h"

#include <arpa/inet.h>
#include <openssl/pem.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <optional>

#include "api/sandbox.h"
#include "base/text.h"
#include "sandbox/tls_stream.h"

namespace modelrun::sandbox {
namespace {

constexpr std::size_t kMaxHeadBytes = 16U << 10U;

template <class T>
std::optional<T> parse_number(std::string_view text, int base = 10) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc{} || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return value;
}

// Parses one response from the stream (RFC 9112): first the head, then the body, which is delimited by
// Content-Length, by chunks, or by the end of the connection.
class Response {
 public:
  explicit Response(TlsStream& stream) : stream_(stream) {}

  Result<HttpHead> read_head() {
    HttpHead head;
    auto line = read_line();
    RETURN_IF_ERROR(line);
    const auto status = line->size() >= 12 ? parse_number<int>(line->substr(9, 3)) : std::nullopt;
    if (!line->starts_with("HTTP/1.") || !status) return fail(ErrorKind::kInvalid, "the answer is not HTTP");
    head.status = *status;
    for (line = read_line(); line && !line->empty(); line = read_line()) {
      RETURN_IF_ERROR(take_header(*line, head));
    }
    RETURN_IF_ERROR(line);
    if (head.status == 204 || head.status < 200) left_ = 0;
    return head;
  }

  Result<std::size_t> read_body(std::span<char> into) {
    if (chunked_ && left_ == 0 && !ended_) {
      RETURN_IF_ERROR(next_chunk());
    }
    if (ended_ || left_ == 0 || into.empty()) return std::size_t{0};
    const auto wanted =
        into.first(static_cast<std::size_t>(std::min<std::uint64_t>(into.size(), left_.value_or(into.size()))));
    auto got = read_some(wanted);
    if (!got) return got;
    if (*got == 0 && left_) return fail(ErrorKind::kUnavailable, "the answer was cut off");
    if (*got == 0) ended_ = true;
    if (left_) *left_ -= *got;
    return got;
  }

 private:
  Result<void> take_header(std::string_view line, HttpHead& head) {
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) return fail(ErrorKind::kInvalid, "the answer has a broken header");
    const std::string_view name = line.substr(0, colon);
    const std::string_view value = trimmed(line.substr(colon + 1), " ");
    if (equal_ignoring_case(name, "Content-Length")) {
      left_ = parse_number<std::uint64_t>(value);
      if (!left_) return fail(ErrorKind::kInvalid, "the answer has a broken length");
    } else if (equal_ignoring_case(name, "Transfer-Encoding")) {
      chunked_ = equal_ignoring_case(value, "chunked");
      left_ = 0;
    } else if (equal_ignoring_case(name, api::kDigestHeader)) {
      head.digest = value;
    } else if (equal_ignoring_case(name, api::kRetryHeader)) {
      head.retry_at_once = value == api::kRetryAtOnce;
    }
    return {};
  }

  Result<void> next_chunk() {
    auto line = read_line();
    if (line && line->empty()) line = read_line();  // the line end after the previous chunk
    RETURN_IF_ERROR(line);
    const auto size = parse_number<std::uint64_t>(line->substr(0, line->find(';')), 16);
    if (!size) return fail(ErrorKind::kInvalid, "the answer has a broken chunk");
    left_ = size;
    ended_ = *size == 0;
    lines_ = 0;
    return {};
  }

  // The lines of the head together, and the line before each chunk, have at most kMaxHeadBytes. The number of chunks
  // has no bound of its own: whoever reads the body bounds it.
  Result<std::string> read_line() {
    while (true) {
      const std::size_t end = buffer_.find("\r\n");
      if (std::min(end, buffer_.size()) > kMaxHeadBytes - std::min(lines_, kMaxHeadBytes)) {
        return fail(ErrorKind::kInvalid, "the answer's head is too long");
      }
      if (end != std::string::npos) {
        lines_ += end + 2;
        std::string line = buffer_.substr(0, end);
        buffer_.erase(0, end + 2);
        return line;
      }
      std::array<char, 4096> more;
      const auto got = stream_.read(more);
      RETURN_IF_ERROR(got);
      if (*got == 0) return fail(ErrorKind::kUnavailable, "the server closed the connection");
      buffer_.append(more.data(), *got);
    }
  }

  Result<std::size_t> read_some(std::span<char> into) {
    if (buffer_.empty()) return stream_.read(into);
    const std::size_t size = std::min(into.size(), buffer_.size());
    std::memcpy(into.data(), buffer_.data(), size);
    buffer_.erase(0, size);
    return size;
  }

  TlsStream& stream_;
  std::string buffer_;                 // read from the stream, not yet parsed
  std::optional<std::uint64_t> left_;  // bytes left of the body or of the chunk; absent: until the connection ends
  std::size_t lines_ = 0;              // bytes of the lines of the head, or of the chunk's
  bool chunked_ = false;
  bool ended_ = false;
};

Result<void> add_certificates(SSL_CTX* context, const std::string& pem) {
  const std::unique_ptr<BIO, decltype(&BIO_free)> bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())),
                                                      &BIO_free);
  int count = 0;
  while (X509* certificate = PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr)) {
    count += X509_STORE_add_cert(SSL_CTX_get_cert_store(context), certificate);
    X509_free(certificate);
  }
  if (count == 0) return fail(ErrorKind::kInvalid, "{} holds no certificate in PEM form", api::kEnvRunServerCa);
  return {};
}

}  // namespace

Result<Endpoint> parse_endpoint(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  const auto port =
      colon == std::string_view::npos ? std::nullopt : parse_number<std::uint16_t>(text.substr(colon + 1));
  // inet_pton() reads up to the first NUL; what lies behind it would go unread.
  const bool whole = text.find('\0') == std::string_view::npos;
  if (!whole || !port || *port == 0) return fail(ErrorKind::kInvalid, "'{}' is not IP:PORT", text);
  std::string host(text.substr(0, colon));
  Endpoint endpoint;
  if (host.starts_with('[') && host.ends_with(']')) {
    auto* v6 = reinterpret_cast<sockaddr_in6*>(&endpoint.address);
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(*port);
    endpoint.size = sizeof *v6;
    host = host.substr(1, host.size() - 2);
    if (::inet_pton(AF_INET6, host.c_str(), &v6->sin6_addr) == 1) return endpoint;
  } else {
    auto* v4 = reinterpret_cast<sockaddr_in*>(&endpoint.address);
    v4->sin_family = AF_INET;
    v4->sin_port = htons(*port);
    endpoint.size = sizeof *v4;
    if (::inet_pton(AF_INET, host.c_str(), &v4->sin_addr) == 1) return endpoint;
  }
  return fail(ErrorKind::kInvalid, "'{}' is not IP:PORT", text);
}

Result<HttpsClient> HttpsClient::create(const Endpoint& endpoint, const std::string& name, const std::string& ca_pem) {
  // Do not let an OpenSSL configuration file of the machine change the settings.
  OPENSSL_init_ssl(OPENSSL_INIT_NO_LOAD_CONFIG, nullptr);
  SSL_CTX* context = SSL_CTX_new(TLS_client_method());
  if (context == nullptr) return fail(ErrorKind::kInternal, "TLS: out of memory");
  HttpsClient client(endpoint, name, context);
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  if (SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) != 1) return fail(ErrorKind::kInternal, "TLS: no TLS 1.2");
  if (name.empty()) return fail(ErrorKind::kInvalid, "{} is empty", api::kEnvRunServerName);
  RETURN_IF_ERROR(add_certificates(context, ca_pem));
  return client;
}

Result<void> HttpsClient::post(const HttpRequest& request, int stop, std::chrono::milliseconds idle,
                               const ResponseHandler& handler) const {
  auto stream = TlsStream::open(context_.get(), endpoint_, name_, stop, idle);
  RETURN_IF_ERROR(stream);
  std::string head = fmt::format("POST {} HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\nConnection: close\r\n",
                                 request.path, name_, request.token);
  if (!request.content_encoding.empty()) head += fmt::format("Content-Encoding: {}\r\n", request.content_encoding);
  head += fmt::format("Content-Type: application/json\r\nContent-Length: {}\r\n\r\n", request.body.size());
  auto sent = stream->write(head);
  if (sent) sent = stream->write(request.body);
  // A server that refuses the request may close the connection before it has read all of the request. Its answer may
  // have arrived nevertheless, so read on.
  if (!sent && sent.error().kind != ErrorKind::kUnavailable) return sent;
  Response response(*stream);
  const auto answer = response.read_head();
  if (!answer) return std::unexpected(sent ? answer.error() : sent.error());
  return handler(*answer, [&](std::span<char> into) { return response.read_body(into); });
}

}  // namespace modelrun::sandbox
