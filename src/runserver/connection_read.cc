#include <algorithm>

#include "base/mutex.h"
#include "net/bearer.h"
#include "runserver/connection.h"

namespace modelrun::runserver {
namespace {

// The limit for source and control requests, which have no payload but may carry a little JSON.
constexpr std::uint64_t kMaxSmallBody = 4U << 10U;

bool has_payload(const Route& route) {
  return route.action == Operation::kResult || route.action == Operation::kRows;
}

// Of a request's body.
std::uint64_t most_bytes(const Route& route) {
  if (route.action == Operation::kResult) return api::kMaxFrameBytes;
  return route.action == Operation::kRows ? api::kMaxReportBytes : kMaxSmallBody;
}

}  // namespace

PodConnection::PodConnection(std::shared_ptr<RunServerState> state, asio::ip::tcp::socket socket,
                             asio::ip::address peer, std::shared_ptr<asio::ssl::context> context,
                             std::unique_ptr<net::ConnectionTable::Place> place)
    : state_(std::move(state)),
      context_(std::move(context)),
      peer_(std::move(peer)),
      strand_(socket.get_executor()),
      stream_(std::move(socket), *context_),
      timer_(strand_),
      buffer_(std::size_t{64} << 10U),
      place_(std::move(place)) {}

PodConnection::~PodConnection() {
  const MutexLock lock(state_->mutex);
  state_->connections.erase(this);
  if (state_->connections.empty()) state_->none_left.notify_all();
}

void PodConnection::start() {
  {
    const MutexLock lock(state_->mutex);
    state_->connections.insert(this);
  }
  keep_place(std::move(place_));
  asio::dispatch(strand_, [self = shared_from_this()] { self->handshake(); });
}

void PodConnection::handshake() {
  beast::get_lowest_layer(stream_).expires_after(state_->options.handshake_timeout);
  stream_.async_handshake(asio::ssl::stream_base::server,
                          asio::bind_executor(strand_, [self = shared_from_this()](beast::error_code error) {
                            if (error) return self->close();
                            self->await_request();
                          }));
}

// Waits for the first byte of a request: for idle_timeout when a token of this client has been accepted, else only for
// header_timeout.
void PodConnection::await_request() {
  if (closing_ || state_->stopping) return close();
  ++request_;
  parser_.reset();
  place_->set_idle();
  if (buffer_.size() > 0) return read_header();
  beast::get_lowest_layer(stream_).expires_after(known_ ? state_->options.idle_timeout
                                                        : state_->options.header_timeout);
  stream_.async_read_some(
      buffer_.prepare(kReadSize),
      asio::bind_executor(strand_, [self = shared_from_this()](beast::error_code error, std::size_t size) {
        if (error) return self->close();
        self->buffer_.commit(size);
        self->read_header();
      }));
}

void PodConnection::read_header() {
  parser_.emplace();
  parser_->header_limit(static_cast<std::uint32_t>(state_->options.max_header_bytes));
  parser_->body_limit(api::kMaxFrameBytes);
  beast::get_lowest_layer(stream_).expires_after(state_->options.header_timeout);
  http::async_read_header(
      stream_, buffer_, *parser_,
      asio::bind_executor(
          strand_, [self = shared_from_this()](beast::error_code error, std::size_t) { self->on_header(error); }));
}

void PodConnection::on_header(beast::error_code error) {
  beast::get_lowest_layer(stream_).expires_never();
  if (!error) return check_header();
  body_left_ = true;
  if (error == http::error::body_limit) return answer(413, "The body is larger than 16 MiB.\n");
  if (error == http::error::header_limit) return answer(431, "The header is too large.\n");
  const bool malformed = error.category() == make_error_code(http::error::bad_method).category() &&
                         error != http::error::end_of_stream && error != http::error::partial_message;
  if (malformed) return answer(400, "This is not HTTP/1.1.\n");
  close();
}

void PodConnection::check_header() {
  const auto& request = parser_->get();
  body_left_ = !parser_->is_done();
  if (!place_->set_busy()) return close();
  elsewhere_ = !state_->handler.leading();
  if (elsewhere_) return answer(503, "This replica is not the leader; try again on a new connection.\n");
  const auto route = parse_route({request.target().data(), request.target().size()});
  if (!route) return answer(404, "There is nothing at this path.\n");
  if (request.method() != http::verb::post) return answer(405, "Only POST is allowed.\n");
  const auto field = request[http::field::authorization];
  const auto token = net::parse_bearer({field.data(), field.size()});
  if (!token) return answer(401, "A bearer token is required.\n");
  route_ = *route;
  authenticate(std::string(*token));
}

// The rate is asked before the look-up, which costs a request to the API server. An accepted token gives back what it
// took, so that only refused ones, and those that are being looked up, count.
void PodConnection::authenticate(std::string token) {
  if (auto known = state_->authenticator.remembered(token)) return on_identity(std::move(*known));
  auto loan = state_->stranger_rate.borrow(net::peer_group(peer_, net::PeersBy::kAddress));
  if (!loan) {
    state_->refuse("tokens");
    return answer(429, "Too many tokens from this address are being refused or looked up; try again.\n");
  }
  // The loan belongs to the look-up: it goes on when the client has left.
  std::function<Result<PodIdentity>()> job = [state = state_.get(), token = std::move(token),
                                              taken = std::make_shared<net::RateLimit::Loan>(std::move(*loan))] {
    auto own = std::move(*taken);
    auto identity = state->authenticator.authenticate(token, state->stop_work.get_token());
    if (!identity && identity.error().kind == ErrorKind::kDenied) own.spend();
    return identity;
  };
  begin_wait(Wait::kHandler, state_->options.handler_timeout);
  watch_client();
  if (on_work_thread(std::move(job), &PodConnection::on_identity)) return;
  end_wait();
  state_->refuse("work");
  answer(503, "Too many requests are waiting; try again.\n");
}

bool PodConnection::become_known() {
  if (known_) return true;
  auto place = state_->known.admit(peer_);
  if (!place || !place->set_busy()) return false;
  keep_place(std::move(place));
  known_ = true;
  return true;
}

void PodConnection::keep_place(std::unique_ptr<net::ConnectionTable::Place> place) {
  place_ = std::move(place);
  place_->on_turned_away([weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->close_now();
  });
}

void PodConnection::on_identity(Result<PodIdentity> identity) {
  end_wait();
  if (!identity) {
    // A client that is not identified gets no details of the error.
    if (identity.error().kind == ErrorKind::kDenied) return answer(401, "The token is not valid here.\n");
    return answer(503, "The token cannot be checked now; try again.\n");
  }
  if (identity->namespace_ != route_.attempt.namespace_) {
    return answer(403, "The token is for a pod of another namespace.\n");
  }
  if (!become_known()) return answer(503, "Too many connections; try again.\n");
  pod_ = std::move(*identity);
  if (has_payload(route_)) result_bytes_ = state_->result_bytes.hold(pod_.namespace_);
  if (!body_left_) return ask_handler();
  if (const auto most = most_bytes(route_); most < api::kMaxFrameBytes) {
    const auto length = parser_->content_length();
    if (length && *length > most) return answer(413, fmt::format("This request takes at most {} bytes.\n", most));
    parser_->body_limit(most);
  }
  read_body();
}

void PodConnection::read_body() {
  if (reading_) {  // watch_client() has begun a read, whose bytes are the beginning of the body
    resume_body_ = true;
    return;
  }
  beast::get_lowest_layer(stream_).expires_after(state_->options.body_timeout);
  if (parser_->get()[http::field::expect] != "100-continue") return read_some_body();
  static constexpr std::string_view go_on = "HTTP/1.1 100 Continue\r\n\r\n";
  asio::async_write(stream_, asio::buffer(go_on),
                    asio::bind_executor(strand_, [self = shared_from_this()](beast::error_code error, std::size_t) {
                      if (error) return self->close();
                      self->read_some_body();
                    }));
}

void PodConnection::read_some_body() {
  http::async_read_some(stream_, buffer_, *parser_,
                        asio::bind_executor(strand_, [self = shared_from_this()](beast::error_code error, std::size_t) {
                          self->on_body(error);
                        }));
}

void PodConnection::on_body(beast::error_code error) {
  if (!error && has_payload(route_) && !result_bytes_.set(parser_->get().body().size())) {
    beast::get_lowest_layer(stream_).expires_never();
    state_->refuse("results");
    return answer(503, "Too many results are on their way; try again.\n");
  }
  if (!error && !parser_->is_done()) return read_some_body();
  beast::get_lowest_layer(stream_).expires_never();
  if (error == http::error::body_limit) return answer(413, "The body is too large.\n");
  if (error == beast::error::timeout) return close();
  if (error && error.category() == make_error_code(http::error::bad_method).category() &&
      error != http::error::partial_message && error != http::error::end_of_stream) {
    return answer(400, "The body is not valid HTTP/1.1.\n");
  }
  if (error) return close();
  body_left_ = false;
  ask_handler();
}

}  // namespace modelrun::runserver
