#include "gateway/connection.h"

#include "base/log.h"

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

// Where a body of another coding ends, nobody knows: what follows would be taken for a request, perhaps another
// client's whose proxy shares this connection.
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
StreamConnection<Stream>::StreamConnection(std::shared_ptr<Core> core, asio::ip::tcp::socket socket,
                                           std::shared_ptr<asio::ssl::context> certificate)
    : core_(std::move(core)),
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
  const std::lock_guard lock(core_->mutex);
  core_->connections.erase(this);
  if (core_->connections.empty()) core_->none_left.notify_all();
}

template <class Stream>
void StreamConnection<Stream>::start() {
  {
    const std::lock_guard lock(core_->mutex);
    core_->connections[this] = this->weak_from_this();
  }
  asio::dispatch(strand_, [self = this->shared_from_this()] { self->handshake(); });
}

template <class Stream>
void StreamConnection<Stream>::handshake() {
  if constexpr (kTls) {
    lowest().expires_after(core_->options.handshake_timeout);
    stream_.async_handshake(asio::ssl::stream_base::server,
                            asio::bind_executor(strand_, [self = this->shared_from_this()](beast::error_code error) {
                              if (error) return self->close();
                              self->await_request();
                            }));
  } else {
    await_request();
  }
}

// Waits for the first byte of a request; from then on the header has its own time.
template <class Stream>
void StreamConnection<Stream>::await_request() {
  if (closing_ || core_->stopping) return close();
  parser_.reset();
  if (buffer_.size() > 0) return read_header();
  lowest().expires_after(core_->options.idle_timeout);
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
  parser_->header_limit(static_cast<std::uint32_t>(core_->options.max_header_bytes));
  parser_->body_limit(core_->options.max_body_bytes);
  lowest().expires_after(core_->options.header_timeout);
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
  lowest().expires_after(core_->options.body_timeout);
  if (parser_->get()[http::field::expect] != "100-continue") return read_body();
  static constexpr std::string_view kGoOn = "HTTP/1.1 100 Continue\r\n\r\n";
  asio::async_write(
      stream_, asio::buffer(kGoOn),
      asio::bind_executor(strand_, [self = this->shared_from_this()](beast::error_code failed, std::size_t) {
        if (failed) return self->close();
        self->read_body();
      }));
}

// What may come, not what has come: a chunked body is taken for the largest.
template <class Stream>
bool StreamConnection<Stream>::reserve_body() {
  if (parser_->is_done()) return true;
  const auto length = parser_->content_length();
  reserved_ = length ? static_cast<std::size_t>(*length) : core_->options.max_body_bytes;
  if (core_->body_bytes.fetch_add(reserved_) + reserved_ <= core_->options.max_bodies_bytes) return true;
  release_body();
  return false;
}

template <class Stream>
void StreamConnection<Stream>::release_body() {
  core_->body_bytes.fetch_sub(std::exchange(reserved_, 0));
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
  reply_ = std::make_shared<Reply>(core_, parser_->keep_alive() && !core_->stopping, [weak = this->weak_from_this()] {
    const auto self = weak.lock();
    if (self) asio::dispatch(self->strand_, [self] { self->flush(); });
  });
  self_ = this->shared_from_this();
  last_ = false;
  auto exchange = Reply::hand_out(reply_);
  if (answered_at_once(request, exchange)) return;
  if (core_->busy.fetch_add(1) >= core_->options.max_requests) {
    core_->busy.fetch_sub(1);
    return exchange->answer({.status = 503,
                             .content_type = "text/plain; charset=utf-8",
                             .body = "Too many requests are being handled; try again.\n"});
  }
  // The connection may go before the handler is done; the core stays.
  asio::post(core_->work, [core = core_, request = std::move(request), exchange = std::move(exchange)]() mutable {
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
                                                const std::shared_ptr<Exchange>& exchange) {
  if (!core_->at_once) return false;
  try {
    return core_->at_once(request, exchange);
  } catch (const std::exception& thrown) {
    log::error("a request could not be handled", {{"path", request->path}, {"error", thrown.what()}});
    return true;  // the exchange says 500 when it goes
  }
}

template <class Stream>
void StreamConnection<Stream>::refuse(int status, const char* text) {
  lowest().expires_after(core_->options.write_timeout);
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
  // Thousands may wait here, each for minutes.
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
  // The next request came early: it waits in the buffer, and its sender is not watched any further.
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
  lowest().expires_after(core_->options.write_timeout);
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
  if (!keep || core_->stopping) return close();
  if (!reading_) return await_request();
  resume_ = true;
  timer_.expires_after(core_->options.idle_timeout);
  timer_.async_wait([self = this->shared_from_this()](beast::error_code error) {
    if (!error && self->resume_) self->close();
  });
}

// A connection that is closed with unread bytes is reset, and the answer may be lost with it.
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

std::shared_ptr<Connection> make_connection(std::shared_ptr<Core> core, asio::ip::tcp::socket socket,
                                            std::shared_ptr<asio::ssl::context> certificate) {
  if (certificate != nullptr) {
    return std::make_shared<StreamConnection<beast::ssl_stream<beast::tcp_stream>>>(std::move(core), std::move(socket),
                                                                                    std::move(certificate));
  }
  return std::make_shared<StreamConnection<beast::tcp_stream>>(std::move(core), std::move(socket), nullptr);
}

}  // namespace modelrun::gateway
