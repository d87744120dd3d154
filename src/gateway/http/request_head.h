// What the head of a request says: checks, and the HttpRequest that it becomes. Pure. Internal to gateway/http.
#pragma once

#include <boost/beast/core/error.hpp>
#include <boost/beast/http/message.hpp>
#include <expected>
#include <memory>
#include <string_view>

#include "gateway/http/http.h"

namespace modelrun::gateway {

using RequestHead = boost::beast::http::request_header<>;

// Whether `error` says that what came is not HTTP/1.1, rather than that the connection ended.
bool is_http_error(boost::beast::error_code error);

// Whether the end of the body is known (RFC 9112, section 6.3). With any other transfer coding than "chunked", bytes
// of the body could be taken for another request. This is request smuggling if a proxy sends the requests of several
// clients over this connection.
bool body_has_an_end(const RequestHead& head);

// The request without its body, peer and peer_group. Fails with what is wrong, for the client.
std::expected<std::shared_ptr<HttpRequest>, const char*> read_head(const RequestHead& head);

}  // namespace modelrun::gateway
