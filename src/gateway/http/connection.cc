#include "gateway/http/connection.h"

#include "base/log.h"
#include "base/mutex.h"

namespace modelrun::gateway {
namespace {

constexpr std::size_t kReadSize = 16U << 10U;
constexpr std::size_t kWatchSize = 512;
constexpr std::size_t kMaxDrained = 4U << 20U;
constexpr std::chrono::seconds kDrainTime{2};

std::string text_of(beast::string_view view) {
  return {view.data(), view.size()};
}

bool is_http_error(beast::error_code error) {
  return error.category() == make_error_code(http::error::bad_method).category() &&
         error != http::error::end_of_stream && error != http::error::partial_message;
}

// Whether the end of the body is known (RFC 9112, section 6.3). With any other transfer coding than "chunked", bytes
// of the body could be taken for another request. This is request smuggling if a proxy sends the requests of several
// clients over this connection.
template <class Head>
bool body_has_an_end(const Head& head) {
  const auto codings = head.count(http::field::transfer_encoding);
  return codings == 0 ||
         (codings == 1 && head.version() == 11 && beast::iequals(head[http::field::transfer_encoding], "chunked"));
}

}  // namespace

template <class Stream>
Stream StreamConnection<Stream>::make_stream(asio::ip::tcp::socket socket, asio::ssl::context* context) {
  if constexpr (kTls) {
    return Stream(std::move(socket), *context);
  } else {
    (void)context;
    return Stream(std::move(socket));
  }
}

template <class Stream>
StreamConnection<Stream>::StreamConnection(std::shared_ptr<ServerState> state, asio::ip::tcp::socket socket,
                                           std::shared_ptr<asio::ssl::context> certificate)
    : state_(std::move(state)),
      certificate_(std::move(certificate)),
      strand_(socket.get_executor()),
      stream_(make_stream(std::move(socket), certificate_.get())),
      timer_(strand_) {
  beast::error_code ignored;
  peer_ = lowest().socket().remote_endpoint(ignored).address().to_string(ignored);
}

template <class Stream>
StreamConnection<Stream>::~StreamConnection() {
  release_body();
  const MutexLock lock(state_->mutex);
  state_->connections.erase(this);
  if (state_->connections.empty()) state_->none_left.notify_all();
}

template <class Stream>
void StreamConnection<Stream>::start() {
  {
    const MutexLock lock(state_->mutex);
    state_->connections[this] = this->weak_from_this();
  }
  asio::dispatch(strand_, [self = this->shared_from_this()] { self->handshake(); });
}

template <class Stream>
void StreamConnection<Stream>::handshake() {
  if constexpr (kTls) {
    lowest().expires_after(state_->options.handshake_timeout);
    stream_.async_handshake(asio::ssl::stream_base::server,
                            asio::bind_executor(strand_, [self = this->shared_from_this()](beast::error_code error) {
                              if (error) return self->close();
                              self->await_request();
                            }));
  } else {
    await_request();
  }
}

// Waits for the first byte of a request, within the idle time-out. From then on the header time-out applies.
template <class Stream>
void StreamConnection<Stream>::await_request() {
  if (closing_ || state_->stopping) return close();
  parser_.reset();
  if (buffer_.size() > 0) return read_header();
  lowest().expires_after(state_->options.idle_timeout);
  stream_.async_read_some(
      buffer_.prepare(kReadSize),
      asio::bind_executor(strand_, [self = this->shared_from_this()](beast::error_code error, std::size_t size) {
        if (error) return self->close();
        self->buffer_.commit(size);
        self->read_header();
      }));
}

template <class Stream>
void StreamConnection<Stream>::read_header() {
  parser_.emplace();
  parser_->header_limit(static_cast<std::uint32_t>(state_->options.max_header_bytes));
  parser_->body_limit(state_->options.max_body_bytes);
  lowest().expires_after(state_->options.header_timeout);
  http::async_read_header(
      stream_, buffer_, *parser_,
      asio::bind_executor(strand_, [self = this->shared_from_this()](beast::error_code error, std::size_t) {
        self->on_header(error);
      }));
}

template <class Stream>
void StreamConnection<Stream>::on_header(beast::error_code error) {
  if (error == http::error::body_limit) return refuse(413, "The body is too large.");
  if (error == http::error::header_limit) return refuse(431, "The header is too large.");
  if (is_http_error(error)) return refuse(400, "This is not valid HTTP/1.1.");
  if (error) return close();
  if (!body_has_an_end(parser_->get())) return refuse(400, "Transfer-Encoding may only be: chunked.");
  if (!reserve_body()) return refuse(503, "Too many bodies are on their way; try again.");
  if (parser_->is_done()) return handle();
  lowest().expires_after(state_->options.body_timeout);
  if (parser_->get()[http::field::expect] != "100-continue") return read_body();
  static constexpr std::string_view kGoOn = "HTTP/1.1 100 Continue\r\n\r\n";
  asio::async_write(
      stream_, asio::buffer(kGoOn),
      asio::bind_executor(strand_, [self = this->shared_from_this()](beast::error_code failed, std::size_t) {
        if (failed) return self->close();
        self->read_body();
      }));
}

// Reserves what the body may need, before any of it is read. The size of a chunked body is not known yet, so it
// counts as the largest that is allowed.
template <class Stream>
bool StreamConnection<Stream>::reserve_body() {
  if (parser_->is_done()) return true;
  const auto length = parser_->content_length();
  reserved_ = length ? static_cast<std::size_t>(*length) : state_->options.max_body_bytes;
  if (state_->body_bytes.fetch_add(reserved_) + reserved_ <= state_->options.max_bodies_bytes) return true;
  release_body();
  return false;
}

template <class Stream>
void StreamConnection<Stream>::release_body() {
  state_->body_bytes.fetch_sub(std::exchange(reserved_, 0));
}

template <class Stream>
void StreamConnection<Stream>::read_body() {
  http::async_read(stream_, buffer_, *parser_,
                   asio::bind_executor(strand_, [self = this->shared_from_this()](
                                                    beast::error_code error, std::size_t) { self->on_body(error); }));
}

template <class Stream>
void StreamConnection<Stream>::on_body(beast::error_code error) {
  if (error == http::error::body_limit) return refuse(413, "The body is too large.");
  if (error == beast::error::timeout) return refuse(408, "The body did not come in time.");
  if (is_http_error(error)) return refuse(400, "The body is not valid HTTP/1.1.");
  if (error) return close();
  handle();
}

template <class Stream>
void StreamConnection<Stream>::handle() {
  lowest().expires_never();
  auto& message = parser_->get();
  if (message.count(http::field::host) != 1) return refuse(400, "One Host header is required.");
  auto target = parse_target({message.target().data(), message.target().size()});
  if (!target) return refuse(400, "The target is not a path.");
  auto request = std::make_shared<HttpRequest>();
  request->method = text_of(message.method_string());
  request->path = std::move(target->path);
  request->query = std::move(target->query);
  for (const auto& field : message) request->headers.emplace_back(text_of(field.name_string()), text_of(field.value()));
  request->body = std::move(message.body());
  request->peer = peer_;
  reply_ = std::make_shared<Reply>(state_, parser_->keep_alive() && !state_->stopping, [weak = this->weak_from_this()] {
    const auto self = weak.lock();
    if (self) asio::dispatch(self->strand_, [self] { self->flush(); });
  });
  self_ = this->shared_from_this();
  last_ = false;
  auto exchange = Reply::hand_out(reply_);
  if (answered_at_once(request, exchange)) return;
  if (state_->busy.fetch_add(1) >= state_->options.max_requests) {
    state_->busy.fetch_sub(1);
    return exchange->answer({.status = 503,
                             .content_type = "text/plain; charset=utf-8",
                             .body = "Too many requests are being handled; try again.\n"});
  }
  // The handler may take longer than the connection lives, so it shares the ownership of the state instead.
  asio::post(state_->work, [core = state_, request = std::move(request), exchange = std::move(exchange)]() mutable {
    try {
      core->handler(request, exchange);
    } catch (const std::exception& thrown) {
      log::error("a request could not be handled", {{"path", request->path}, {"error", thrown.what()}});
    }
    core->busy.fetch_sub(1);
    exchange.reset();
  });
  watch_client();
}

template <class Stream>
bool StreamConnection<Stream>::answered_at_once(const std::shared_ptr<const HttpRequest>& request,
                                                const std::shared_ptr<HttpExchange>& exchange) {
  if (!state_->at_once) return false;
  try {
    return state_->at_once(request, exchange);
  } catch (const std::exception& thrown) {
    log::error("a request could not be handled", {{"path", request->path}, {"error", thrown.what()}});
    return true;  // if it was not answered, the exchange answers 500 when it is released
  }
}

template <class Stream>
void StreamConnection<Stream>::refuse(int status, const char* text) {
  lowest().expires_after(state_->options.write_timeout);
  writing_ = serialize(
      {.status = status, .content_type = "text/plain; charset=utf-8", .body = std::string(text) + "\n"}, false);
  asio::async_write(
      stream_, asio::buffer(writing_),
      asio::bind_executor(strand_, [self = this->shared_from_this()](beast::error_code error, std::size_t) {
        if (error) return self->close();
        self->lowest().expires_after(kDrainTime);
        self->drain();
      }));
}

template <class Stream>
void StreamConnection<Stream>::watch_client() {
  if (reading_ || closing_ || buffer_.size() > 0) return;
  reading_ = true;
  // Thousands of connections may wait here for minutes, so each should hold little memory.
  buffer_.shrink_to_fit();
  stream_.async_read_some(buffer_.prepare(kWatchSize), then(&StreamConnection::on_client_bytes));
}

template <class Stream>
void StreamConnection<Stream>::on_client_bytes(beast::error_code error, std::size_t size) {
  reading_ = false;
  if (error) {
    if (reply_) reply_->leave();
    return close();
  }
  buffer_.commit(size);
  // The next request came early. It stays in the buffer, and the client is not watched until the answer is out.
  if (!std::exchange(resume_, false)) return;
  timer_.cancel();
  await_request();
}

template <class Stream>
void StreamConnection<Stream>::flush() {
  if (flushing_ || closing_ || !reply_) return;
  writing_ = reply_->take(last_);
  if (writing_.empty()) {
    if (last_) finish_request();
    return;
  }
  flushing_ = true;
  lowest().expires_after(state_->options.write_timeout);
  asio::async_write(
      stream_, asio::buffer(writing_),
      asio::bind_executor(strand_, [self = this->shared_from_this()](beast::error_code error, std::size_t) {
        self->on_flushed(error);
      }));
}

template <class Stream>
void StreamConnection<Stream>::on_flushed(beast::error_code error) {
  flushing_ = false;
  if (error) {
    if (reply_) reply_->leave();
    return close();
  }
  flush();
}

template <class Stream>
void StreamConnection<Stream>::finish_request() {
  const bool keep = reply_->keeps_alive();
  reply_.reset();
  const auto self = std::move(self_);
  release_body();
  if (!keep || state_->stopping) return close();
  if (!reading_) return await_request();
  resume_ = true;
  timer_.expires_after(state_->options.idle_timeout);
  timer_.async_wait([self = this->shared_from_this()](beast::error_code error) {
    if (!error && self->resume_) self->close();
  });
}

// If a socket is closed while received bytes are unread, TCP resets the connection, and the client may lose the
// answer.
template <class Stream>
void StreamConnection<Stream>::drain() {
  buffer_.clear();
  stream_.async_read_some(
      buffer_.prepare(kReadSize),
      asio::bind_executor(strand_, [self = this->shared_from_this()](beast::error_code error, std::size_t size) {
        self->drained_ += size;
        if (error || self->drained_ > kMaxDrained) return self->close();
        self->drain();
      }));
}

template <class Stream>
void StreamConnection<Stream>::close() {
  if (std::exchange(closing_, true)) return;
  const auto self = std::move(self_);
  timer_.cancel();
  lowest().close();
}

template <class Stream>
void StreamConnection<Stream>::stop_soon() {
  asio::post(strand_, [self = this->shared_from_this()] {
    if (!self->reply_ && !self->parser_) self->close();
    if (self->resume_) self->close();
  });
}

template <class Stream>
void StreamConnection<Stream>::end_request() {
  asio::post(strand_, [self = this->shared_from_this()] {
    if (self->reply_) self->reply_->end();
  });
}

template <class Stream>
void StreamConnection<Stream>::close_now() {
  asio::post(strand_, [self = this->shared_from_this()] {
    if (self->reply_) self->reply_->end();
    self->close();
  });
}

std::shared_ptr<ClientConnection> make_connection(std::shared_ptr<ServerState> state, asio::ip::tcp::socket socket,
                                                  std::shared_ptr<asio::ssl::context> certificate) {
  if (certificate != nullptr) {
    return std::make_shared<StreamConnection<beast::ssl_stream<beast::tcp_stream>>>(std::move(state), std::move(socket),
                                                                                    std::move(certificate));
  }
  return std::make_shared<StreamConnection<beast::tcp_stream>>(std::move(state), std::move(socket), nullptr);
}

}  // namespace modelrun::gateway
