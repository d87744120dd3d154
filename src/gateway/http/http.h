// HTTP as the gateway's handlers see it: requests and answers as plain values, and one interface to answer through.
// No type of the HTTP library appears here.
#pragma once

#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace modelrun::gateway {

using HttpHeaders = std::vector<std::pair<std::string, std::string>>;

struct HttpRequest {
  std::string method;                                        // "POST"; "GET" also for HEAD
  bool head = false;                                         // it came as HEAD: only the head of the answer is sent
  int version = 11;                                          // 10: HTTP/1.0, which knows no chunks
  std::string path;                                          // decoded; without the query
  std::map<std::string, std::string> query;                  // decoded; the last value wins if a name is repeated
  std::vector<std::pair<std::string, std::string>> headers;  // in the order received
  std::string body;
  std::string peer;        // IP address of the client, or of a proxy in front
  std::string peer_group;  // what limits by address count by: the address, or of IPv6 its /64

  // The value of the first header of that name, valid as long as the request; nullopt if there is none. Names are
  // compared without regard to case, here and in count().
  [[nodiscard]] std::optional<std::string_view> header(std::string_view name) const;
  [[nodiscard]] std::size_t count(std::string_view name) const;
};

// The parts of a request target, decoded.
struct Target {
  std::string path;
  std::map<std::string, std::string> query;
  std::string authority;  // "host:port" of the absolute form; else empty
};
// Splits and decodes a target such as "/a%20b?c=d" (the origin form of RFC 9112, section 3.2.1) or "http://host/a"
// (the absolute form, section 3.2.2); '+' is a space in the query only. Returns nullopt for any other form, a malformed
// escape, and what decodes to a control character (NUL included).
std::optional<Target> parse_target(std::string_view target);

// The server adds Date, Content-Length, X-Content-Type-Options, Connection where needed, "Retry-After: 1" to 429 and
// 503 unless `headers` has a "Retry-After", and "Cache-Control: no-store" unless it has a "Cache-Control", each in
// this spelling.
struct HttpAnswer {
  int status = 200;
  std::string content_type = "application/json";  // left out when the body is empty
  std::string body{};
  std::vector<std::pair<std::string, std::string>> headers{};  // CR, LF and NUL are removed from the values
};

// The answer to a request that a limit or a rule of the server itself refuses: a problem document (RFC 9457). REQUIRES:
// `detail` needs no escapes in JSON.
HttpAnswer plain_problem(int status, std::string_view detail);

// The answer to one request: either one call of answer(), or open_events() followed by any number of send() calls.
// answer() completes the exchange. A stream ends when the last shared_ptr to the exchange is released; an exchange
// that is released without an answer gives 500. A handler that answers later therefore keeps its shared_ptr.
// Thread-safe.
//
//   exchange->open_events();
//   while (auto text = next_event()) {
//     if (!exchange->send(*text)) break;
//   }
//   exchange.reset();
class HttpExchange {
 public:
  virtual ~HttpExchange() = default;
  // Does not block. Has no effect after an earlier answer() or open_events().
  virtual void answer(HttpAnswer answer) = 0;
  // Begins a stream of server-sent events with status 200 and these headers besides the server's own. Does not block.
  // Has no effect after an earlier answer() or open_events(). A client of HTTP/1.0 gets it without chunks, and knows
  // the end by that of the connection. After HEAD the stream is over at once.
  virtual void open_events(const HttpHeaders& headers) = 0;
  void open_events() { open_events({}); }
  // Adds `text`, which the caller has formatted as events, to the stream. Does not block, however slowly the client
  // reads. Returns false, and drops the text, if the client has left or there is no open stream. So it does if more
  // waits to be sent than the server's limits allow (ServerOptions); the stream is broken then: nothing more can be
  // sent, stop_token() fires, and the connection is closed without the stream's end when the rest has been sent.
  virtual bool send(std::string_view text) = 0;
  // As send(), for what the client can do without: the text is dropped, and the stream goes on, while
  // ServerOptions::max_unsent_bytes or more wait to be sent or another limit is reached.
  virtual bool send_if_read(std::string_view text) = 0;
  // Blocks until less than ServerOptions::max_unsent_bytes wait to be sent. For threads that produce for one client
  // only, never for those that run handlers. Returns false if the client has left, or `stop` or stop_token() has fired.
  virtual bool wait_until_read(std::stop_token stop) = 0;
  // From now on, what waits to be sent counts for this owner, not for the client's address, unless it would be more
  // than the owner's share. The connection of a client without an owner may be closed for a new one while its answer is
  // being sent. Does not block.
  virtual void charge_to(std::string_view owner) = 0;
  // Frees the request's body, which counts against the server's limits as long as the exchange is held. REQUIRES:
  // nobody uses the body any more.
  virtual void release_body() = 0;
  // Fires when the client has left (it closed the connection or its sending side, or a write failed or timed out) and
  // when the server ends the exchange because it stops or the stream is broken. A client that has already sent its next
  // request is not watched: its leaving is noticed only when a write fails.
  [[nodiscard]] virtual std::stop_token stop_token() const = 0;
  // True if the token has fired because the client left; false if the server ended the exchange.
  [[nodiscard]] virtual bool client_left() const = 0;
  // Calls `work` soon on one of the threads that run handlers, and returns at once. A call that has returned from its
  // handler continues this way. `work` should own a shared_ptr to the exchange, so that a stopping server waits for
  // it. An exception from `work` is logged.
  virtual void later(std::function<void()> work) = 0;
};

// Called on one of the server's worker threads for each request. It may block, but there are few such threads: a
// request that waits for long must keep the pointers and return. Everybody who holds the exchange must release it
// soon after its stop token has fired, since Server::stop() waits for that. An exception is logged, and gives 500 if
// nothing has been answered.
using Handler = std::function<void(const std::shared_ptr<const HttpRequest>&, const std::shared_ptr<HttpExchange>&)>;

// Called before the Handler, on an io thread that serves many connections: it must neither block nor compute for
// long. Returns true if it has answered. Returns false if it has done nothing; the Handler then gets the request.
// After an exception, which is logged, the Handler is not called.
using AtOnce = std::function<bool(const std::shared_ptr<const HttpRequest>&, const std::shared_ptr<HttpExchange>&)>;

// Whether the body of a request is to be read.
struct BodyPermit {
  std::optional<HttpAnswer> refusal;  // it is not: the client gets this answer, and the connection is closed
  std::string owner;                  // else: whose share of the bodies in memory it counts for; not empty
  // More than so many bytes are answered with 413. ServerOptions::max_body_bytes holds besides.
  std::size_t max_bytes = std::numeric_limits<std::size_t>::max();
};

// Asked about a request whose body has not come yet as a whole, before the rest is read. The request that the
// functions get has no body. Both may be empty; every body is read then. After an exception, which is logged, the
// client gets 500.
struct BodyGate {
  // Called on an io thread, so it must not block. Nullopt: `ask`, which must not be empty then, has to be called.
  std::function<std::optional<BodyPermit>(const HttpRequest&)> at_once{};
  // Called on a worker thread; may block. The token fires when the server stops.
  std::function<BodyPermit(const HttpRequest&, std::stop_token)> ask{};
};

}  // namespace modelrun::gateway
