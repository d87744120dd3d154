#include "gateway/http/connection.h"

#include <boost/beast/core/buffers_to_string.hpp>

#include <algorithm>

#include "base/log.h"
#include "base/mutex.h"
#include "gateway/http/request_head.h"

namespace modelrun::gateway {
namespace {

constexpr std::size_t kReadSize = 16U << 10U;
constexpr std::size_t kWatchSize = 512;
constexpr std::size_t kMaxDrained = 4U << 20U;
constexpr std::chrono::seconds kDrainTime{2};
constexpr std::chrono::milliseconds kOnceMore{100};         // to the next try to end the reading of a request
constexpr std::size_t kWriteSize = std::size_t{64} << 10U;  // bytes that are given to the socket at once

HttpAnswer too_many_requests() {
  return plain_problem(503, "too many requests are being handled: try again");
}

HttpAnswer failed() {
  return plain_problem(500, "the request could not be handled: the log of the gateway says why");
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
StreamConnection<Stream>::StreamConnection(std::shared_ptr<ServerState> state, Accepted accepted,
                                           std::shared_ptr<asio::ssl::context> certificate)
    : state_(std::move(state)),
      certificate_(std::move(certificate)),
      peer_(accepted.peer.to_string()),
      peer_group_(net::peer_group(accepted.peer, net::PeersBy::kNetwork)),
      place_(std::move(accepted.place)),
      strand_(accepted.socket.get_executor()),
      stream_(make_stream(std::move(accepted.socket), certificate_.get())),
      timer_(strand_) {
  // The system would let the buffer grow to megabytes. Besides the memory, the progress of a client that reads slowly
  // would then be seen in steps of minutes.
  beast::error_code ignored;
  const int size = state_->options.send_buffer_bytes;
  if (size > 0) lowest().socket().set_option(asio::socket_base::send_buffer_size(size), ignored);
}

template <class Stream>
StreamConnection<Stream>::~StreamConnection() {
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
  place_->on_turned_away([weak = this->weak_from_this()] {
    if (const auto self = weak.lock()) self->close_now();
  });
  asio::dispatch(strand_, [self = this->shared_from_this()] { self->handshake(); });
}

template <class Stream>
void StreamConnection<Stream>::handshake() {
  if constexpr (kTls) {
    lowest().expires_after(state_->options.handshake_timeout);
    stream_.async_handshake(asio::ssl::stream_base::server, then(&StreamConnection::on_handshake));
  } else {
    await_request();
  }
}

template <class Stream>
void StreamConnection<Stream>::on_handshake(beast::error_code error) {
  if (error) return close();
  await_request();
}

// Waits for the first byte of a request, within the idle time-out. From then on the header time-out applies.
template <class Stream>
void StreamConnection<Stream>::await_request() {
  if (closing_ || state_->stopping) return close();
  parser_.reset();
  place_->set_idle();
  if (buffer_.size() > 0) return read_header();
  lowest().expires_after(state_->options.idle_timeout);
  stream_.async_read_some(buffer_.prepare(kReadSize), then(&StreamConnection::on_first_bytes));
}

template <class Stream>
void StreamConnection<Stream>::on_first_bytes(beast::error_code error, std::size_t size) {
  if (error) return close();
  buffer_.commit(size);
  read_header();
}

template <class Stream>
void StreamConnection<Stream>::read_header() {
  parser_.emplace();
  parser_->header_limit(static_cast<std::uint32_t>(state_->options.max_header_bytes));
  parser_->body_limit(state_->options.max_body_bytes);
  limit_reading(state_->options.header_timeout);
  http::async_read_header(stream_, buffer_, *parser_, then(&StreamConnection::on_header));
}

template <class Stream>
void StreamConnection<Stream>::on_header(beast::error_code error, std::size_t) {
  const bool late = reading_timed_out();
  if (error == http::error::body_limit) return refuse(413, "The body is too large.");
  if (error == http::error::header_limit) {
    // Without a target the first line was not read to its end: it is the target that is too long.
    if (!parser_->get().target().empty()) return refuse(431, "The header is too large.");
    return refuse(414, "The target of the request is too long.");
  }
  if (is_http_error(error)) return refuse(400, "This is not valid HTTP/1.1.");
  if (error && late) {
    state_->refuse("slow_header");
    return refuse(408, "The header did not come in time.");
  }
  if (error) return close();
  if (!body_has_an_end(parser_->get())) return refuse(400, "Transfer-Encoding may only be: chunked.");
  if (parser_->is_done()) return handle();
  const auto length = parser_->content_length();
  // A body that is here already needs no permit: it was read together with the header.
  if (!length || *length > buffer_.size()) return ask_gate();
  body_bytes_ = state_->bodies.hold(peer_group_);
  read_body();
}

template <class Stream>
void StreamConnection<Stream>::ask_gate() {
  const auto& gate = state_->gate;
  auto permit = std::optional(BodyPermit{.refusal = {}, .owner = peer_group_});
  std::shared_ptr<const HttpRequest> head;
  if (gate.at_once) {
    head = make_request();
    if (!head) return;
    permit->refusal = failed();  // in case of an exception
    call_logged(head->path, [&] { permit = gate.at_once(*head); });
  }
  if (permit) return on_permit(std::move(*permit));
  if (!place_->set_busy()) return close();
  lowest().expires_never();
  const bool begun = state_->on_worker([self = this->shared_from_this(), head = std::move(head)] {
    BodyPermit answer{.refusal = failed(), .owner = {}};
    call_logged(head->path, [&] { answer = self->state_->gate.ask(*head, self->gate_stop_.get_token()); });
    asio::post(self->strand_, [self, answer = std::move(answer)]() mutable { self->on_permit(std::move(answer)); });
  });
  if (!begun) refuse(too_many_requests());
}

template <class Stream>
void StreamConnection<Stream>::on_permit(BodyPermit permit) {
  if (closing_) return;
  if (permit.refusal) return refuse(*permit.refusal);
  if (parser_->content_length().value_or(0) > permit.max_bytes) return refuse(413, "The body is too large.");
  parser_->body_limit(std::min(permit.max_bytes, state_->options.max_body_bytes));
  if (!place_->set_busy()) return close();
  body_bytes_ = state_->bodies.hold(std::move(permit.owner));
  if (parser_->get()[http::field::expect] != "100-continue") return read_body();
  lowest().expires_after(state_->options.body_timeout);
  static constexpr std::string_view kGoOn = "HTTP/1.1 100 Continue\r\n\r\n";
  asio::async_write(stream_, asio::buffer(kGoOn), then(&StreamConnection::on_go_on));
}

template <class Stream>
void StreamConnection<Stream>::on_go_on(beast::error_code error, std::size_t) {
  if (error) return close();
  read_body();
}

template <class Stream>
void StreamConnection<Stream>::read_body() {
  body_mark_ = 0;
  limit_reading(state_->options.body_timeout);
  read_some_body();
}

template <class Stream>
void StreamConnection<Stream>::read_some_body() {
  http::async_read_some(stream_, buffer_, *parser_, then(&StreamConnection::on_body));
}

template <class Stream>
void StreamConnection<Stream>::on_body(beast::error_code error, std::size_t) {
  const bool late = timed_out_;
  if (error || late || parser_->is_done()) (void)reading_timed_out();
  if (error == http::error::body_limit) return refuse(413, "The body is too large.");
  if (late && !parser_->is_done()) {
    state_->refuse("slow_body");
    return refuse(408, "The body did not come in time.");
  }
  if (is_http_error(error)) return refuse(400, "The body is not valid HTTP/1.1.");
  if (error) return close();
  const auto size = parser_->get().body().size();
  if (!body_bytes_.set(size)) {
    state_->refuse("bodies");
    (void)reading_timed_out();
    return refuse(503, "Too many bodies are on their way; try again.");
  }
  if (parser_->is_done()) return handle();
  if (size >= body_mark_ + kBodyProgress) {
    body_mark_ = size;
    limit_reading(state_->options.body_timeout);
  }
  read_some_body();
}

template <class Stream>
void StreamConnection<Stream>::limit_reading(std::chrono::milliseconds span) {
  lowest().expires_never();
  timed_out_ = false;
  ++reading_turn_;
  end_reading_after(span);
}

template <class Stream>
void StreamConnection<Stream>::end_reading_after(std::chrono::milliseconds span) {
  timer_.expires_after(span);
  timer_.async_wait([self = this->shared_from_this(), turn = reading_turn_](beast::error_code error) {
    if (error || turn != self->reading_turn_ || self->closing_) return;
    self->timed_out_ = true;
    self->lowest().cancel();
    // A read that had just ended was not cancelled, and another one follows it.
    self->end_reading_after(kOnceMore);
  });
}

template <class Stream>
bool StreamConnection<Stream>::reading_timed_out() {
  ++reading_turn_;
  timer_.cancel();
  return std::exchange(timed_out_, false);
}

template <class Stream>
std::shared_ptr<HttpRequest> StreamConnection<Stream>::make_request() {
  auto request = read_head(parser_->get());
  if (!request) {
    refuse(400, request.error());
    return nullptr;
  }
  (*request)->peer = peer_;
  (*request)->peer_group = peer_group_;
  return std::move(*request);
}

template <class Stream>
void StreamConnection<Stream>::handle() {
  lowest().expires_never();
  if (!place_->set_busy()) return close();
  auto request = make_request();
  if (!request) return;
  request->body = beast::buffers_to_string(parser_->get().body().cdata());
  parser_->get().body() = {};
  reply_ = std::make_shared<Reply>(state_, request, std::move(body_bytes_),
                                   parser_->keep_alive() && request->version > 10 && !state_->stopping,
                                   [weak = this->weak_from_this()] {
                                     const auto self = weak.lock();
                                     if (self) asio::dispatch(self->strand_, [self] { self->flush(); });
                                   });
  self_ = this->shared_from_this();
  last_ = false;
  const auto exchange = Reply::hand_out(reply_);
  if (answered_at_once(request, exchange)) return;
  hand_over(std::move(request), exchange);
}

template <class Stream>
void StreamConnection<Stream>::hand_over(std::shared_ptr<const HttpRequest> request,
                                         const std::shared_ptr<HttpExchange>& exchange) {
  // The handler may take longer than the connection lives, so it shares the ownership of the state instead.
  const bool begun =
      state_->on_worker([state = state_, request = std::move(request), exchange] { state->call(request, exchange); });
  if (!begun) return exchange->answer(too_many_requests());
  watch_client();
}

template <class Stream>
bool StreamConnection<Stream>::answered_at_once(const std::shared_ptr<const HttpRequest>& request,
                                                const std::shared_ptr<HttpExchange>& exchange) {
  bool answered = true;  // after an exception: the exchange answers 500 when it is released
  if (!state_->at_once) return false;
  call_logged(request->path, [&] { answered = state_->at_once(request, exchange); });
  return answered;
}

template <class Stream>
void StreamConnection<Stream>::refuse(const HttpAnswer& answer) {
  // From here on nothing is done for this client, so it must not keep a place that others need.
  place_->set_idle();
  lowest().expires_after(state_->options.write_timeout);
  writing_ = serialize(answer, false, parser_ && parser_->get().method() == http::verb::head);
  asio::async_write(stream_, asio::buffer(writing_), then(&StreamConnection::on_refused));
}

template <class Stream>
void StreamConnection<Stream>::on_refused(beast::error_code error, std::size_t) {
  if (error) return close();
  lowest().expires_after(kDrainTime);
  drain();
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
  if (last_ && reply_->is_broken()) reply_->end();
  // A client that nobody knows must not keep a place that others need by reading its answer slowly.
  if (last_ && !reply_->has_owner()) place_->set_idle();
  if (writing_.empty()) {
    if (last_) finish_request();
    return;
  }
  flushing_ = true;
  written_ = 0;
  write_some();
}

template <class Stream>
void StreamConnection<Stream>::write_some() {
  lowest().expires_after(state_->options.write_timeout);
  stream_.async_write_some(asio::buffer(writing_.data() + written_, std::min(kWriteSize, writing_.size() - written_)),
                           then(&StreamConnection::on_written));
}

template <class Stream>
void StreamConnection<Stream>::on_written(beast::error_code error, std::size_t size) {
  if (error) {
    flushing_ = false;
    if (error == beast::error::timeout) state_->refuse("slow_reader");
    if (reply_) reply_->leave();
    return close();
  }
  written_ += size;
  if (written_ < writing_.size()) return write_some();
  flushing_ = false;
  flush();
}

template <class Stream>
void StreamConnection<Stream>::finish_request() {
  const bool keep = reply_->keeps_alive();
  reply_.reset();
  const auto self = std::move(self_);
  if (!keep || state_->stopping) return close();
  if (!reading_) return await_request();
  resume_ = true;
  place_->set_idle();
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
  stream_.async_read_some(buffer_.prepare(kReadSize), then(&StreamConnection::on_drained));
}

template <class Stream>
void StreamConnection<Stream>::on_drained(beast::error_code error, std::size_t size) {
  drained_ += size;
  if (error || drained_ > kMaxDrained) return close();
  drain();
}

template <class Stream>
void StreamConnection<Stream>::close() {
  if (std::exchange(closing_, true)) return;
  const auto self = std::move(self_);
  timer_.cancel();
  gate_stop_.request_stop();
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
    self->gate_stop_.request_stop();
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

std::shared_ptr<ClientConnection> make_connection(std::shared_ptr<ServerState> state, Accepted accepted,
                                                  std::shared_ptr<asio::ssl::context> certificate) {
  if (certificate != nullptr) {
    return std::make_shared<StreamConnection<beast::ssl_stream<beast::tcp_stream>>>(
        std::move(state), std::move(accepted), std::move(certificate));
  }
  return std::make_shared<StreamConnection<beast::tcp_stream>>(std::move(state), std::move(accepted), nullptr);
}

}  // namespace modelrun::gateway
