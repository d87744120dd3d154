#include "gateway/http/request_head.h"

#include <boost/beast/core/string.hpp>
#include <boost/beast/http/error.hpp>

namespace modelrun::gateway {

namespace beast = boost::beast;
namespace http = boost::beast::http;

namespace {

std::string text_of(beast::string_view view) {
  return {view.data(), view.size()};
}

}  // namespace

bool is_http_error(beast::error_code error) {
  return error.category() == make_error_code(http::error::bad_method).category() &&
         error != http::error::end_of_stream && error != http::error::partial_message;
}

bool body_has_an_end(const RequestHead& head) {
  const auto codings = head.count(http::field::transfer_encoding);
  return codings == 0 ||
         (codings == 1 && head.version() == 11 && beast::iequals(head[http::field::transfer_encoding], "chunked"));
}

std::expected<std::shared_ptr<HttpRequest>, const char*> read_head(const RequestHead& head) {
  auto target = parse_target({head.target().data(), head.target().size()});
  if (!target) return std::unexpected("The target is not a path.");
  const auto hosts = head.count(http::field::host);
  // HTTP/1.0 has no Host; load balancers ask for the probes like that.
  if (hosts > 1 || (hosts == 0 && head.version() > 10)) return std::unexpected("One Host header is required.");
  auto request = std::make_shared<HttpRequest>();
  request->version = static_cast<int>(head.version());
  request->head = head.method() == http::verb::head;
  request->method = request->head ? "GET" : text_of(head.method_string());
  request->path = std::move(target->path);
  request->query = std::move(target->query);
  for (const auto& field : head) {
    // The authority of an absolute target stands for the header, whatever that says (RFC 9112, section 3.2.2).
    const bool replaced = field.name() == http::field::host && !target->authority.empty();
    request->headers.emplace_back(text_of(field.name_string()), replaced ? target->authority : text_of(field.value()));
  }
  return request;
}

}  // namespace modelrun::gateway
