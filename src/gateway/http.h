// HTTP as the gateway's handlers see it: plain values, and one interface to answer through. No library shows.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace modelrun::gateway {

struct HttpRequest {
  std::string method;                                        // "POST"
  std::string path;                                          // decoded; without the query
  std::map<std::string, std::string> query;                  // decoded; of a doubled name the last
  std::vector<std::pair<std::string, std::string>> headers;  // as they came
  std::string body;
  std::string peer;  // IP address

  // Nothing when there is none of that name (case does not matter); the first of several.
  [[nodiscard]] std::optional<std::string_view> header(std::string_view name) const;
  [[nodiscard]] std::size_t count(std::string_view name) const;
};

// Splits and decodes "/a%20b?c=d". Nothing for a malformed escape, NUL or another control character.
struct Target {
  std::string path;
  std::map<std::string, std::string> query;
};
std::optional<Target> parse_target(std::string_view target);

struct HttpAnswer {
  int status = 200;
  std::string content_type = "application/json";
  std::string body{};
  std::vector<std::pair<std::string, std::string>> headers{};
};

// The answer to one request: either answer(), or open_events() and then any number of send(). Complete when its last
// holder lets go of it, so that whoever has something to say only later just keeps it. Thread-safe.
class Exchange {
 public:
  virtual ~Exchange() = default;
  // Once.
  virtual void answer(HttpAnswer answer) = 0;
  // Begins a stream of server-sent events.
  virtual void open_events() = 0;
  // Blocks while the client has much left to read. False when nobody reads any more.
  virtual bool send(std::string_view text) = 0;
  // Fires when the client has left, and when the server ends the exchange.
  [[nodiscard]] virtual std::stop_token stop_token() const = 0;
  // Whether it was the client.
  [[nodiscard]] virtual bool client_left() const = 0;
  // Calls `work` on a thread like a handler's: the way on for a handler that has returned.
  virtual void later(std::function<void()> work) = 0;
};

// Called on a thread of the server's for each request; may block, but there are few such threads: what waits for long
// keeps the pointers and returns. It must let go of the exchange soon after its stop token fires.
using Handler = std::function<void(const std::shared_ptr<const HttpRequest>&, const std::shared_ptr<Exchange>&)>;

// Asked before the handler, on the connection's own thread, which many connections share: it must not block, and not
// work for long. True: it has answered. False: it has done nothing, and the handler gets the request.
using AtOnce = std::function<bool(const std::shared_ptr<const HttpRequest>&, const std::shared_ptr<Exchange>&)>;

}  // namespace modelrun::gateway
