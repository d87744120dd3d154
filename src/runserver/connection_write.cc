#include "base/log.h"
#include "runserver/connection.h"

namespace modelrun::runserver {
namespace {

constexpr std::size_t kMaxDrained = 32U << 20U;
constexpr std::string_view kRetryAfterSeconds = "1";

// A body of Beast (its concept Body) that writes a text and then a file.
struct TextAndFileBody {
  struct value_type {
    std::string text;
    http::file_body::value_type file;
  };
  static std::uint64_t size(const value_type& body) { return body.text.size() + http::file_body::size(body.file); }

  class writer {
   public:
    using const_buffers_type = asio::const_buffer;
    template <bool isRequest, class Fields>
    writer(http::header<isRequest, Fields>& header, value_type& body) : text_(body.text), file_(header, body.file) {}
    void init(beast::error_code& error) { file_.init(error); }
    boost::optional<std::pair<const_buffers_type, bool>> get(beast::error_code& error) {
      if (!std::exchange(text_sent_, true) && !text_.empty()) {
        error = {};
        return {{asio::buffer(text_), true}};
      }
      return file_.get(error);
    }

   private:
    const std::string& text_;
    http::file_body::writer file_;
    bool text_sent_ = false;
  };
};

}  // namespace

void PodConnection::answer(unsigned status, std::string text, std::string_view content_type) {
  auto response = std::make_shared<http::response<http::string_body>>();
  response->result(status);
  if (!text.empty())
    response->set(http::field::content_type, beast::string_view(content_type.data(), content_type.size()));
  response->body() = std::move(text);
  // The protocol asks the client to try again on a new connection, which may lead to another replica. So this one is
  // closed.
  if (status == 503 || status == 429) body_left_ = true;
  // From here on nothing is done for a client without an accepted token.
  if (!known_) place_->set_idle();
  finish_head(*response);
  write(std::move(response));
}

void PodConnection::send_archive(std::string line, const std::shared_ptr<const source::Archive>& archive) {
  http::file_body::value_type file;
  beast::error_code error;
  file.open(archive->path().c_str(), beast::file_mode::scan, error);
  if (error || file.size() != archive->bytes()) {
    log::error("the archive cannot be served", {{"path", archive->path().string()}, {"error", error.message()}});
    return answer(503, "The source cannot be read now; try again.\n");
  }
  // The response owns a reference to the archive, so that the file is not evicted before the last byte is sent.
  struct Served {
    http::response<TextAndFileBody> response;
    std::shared_ptr<const source::Archive> archive;
  };
  auto served = std::make_shared<Served>();
  served->archive = archive;
  served->response.result(http::status::ok);
  served->response.set(http::field::content_type, "application/gzip");
  served->response.set(beast::string_view(api::kDigestHeader.data(), api::kDigestHeader.size()), archive->sha256());
  served->response.body() = {std::move(line), std::move(file)};
  finish_head(served->response);
  write(std::shared_ptr<http::response<TextAndFileBody>>(served, &served->response));
}

template <class Body>
void PodConnection::finish_head(http::response<Body>& response) {
  response.version(11);
  response.set(http::field::server, "modelrun");
  response.set(http::field::cache_control, "no-store");
  const bool asked = parser_ && parser_->is_header_done() && parser_->keep_alive();
  response.keep_alive(asked && !body_left_ && !state_->stopping);
  response.prepare_payload();
  if (response.result() == http::status::no_content) response.erase(http::field::content_length);
  if (response.result() == http::status::service_unavailable || response.result() == http::status::too_many_requests) {
    const auto when = elsewhere_ ? api::kRetryAtOnce : kRetryAfterSeconds;
    response.set(http::field::retry_after, beast::string_view(when.data(), when.size()));
  }
  if (response.result() == http::status::unauthorized) response.set(http::field::www_authenticate, "Bearer");
}

template <class Body>
void PodConnection::write(std::shared_ptr<http::response<Body>> response) {
  struct Writing {
    explicit Writing(std::shared_ptr<http::response<Body>> r) : response(std::move(r)), serializer(*response) {}
    std::shared_ptr<http::response<Body>> response;
    http::response_serializer<Body> serializer;
  };
  write_some<Body>(std::make_shared<Writing>(std::move(response)));
}

// Writes the response in pieces, so that write_timeout applies to one piece. A large archive may take longer on a slow
// connection.
template <class Body, class Writing>
void PodConnection::write_some(const std::shared_ptr<Writing>& writing) {
  beast::get_lowest_layer(stream_).expires_after(state_->options.write_timeout);
  http::async_write_some(
      stream_, writing->serializer,
      asio::bind_executor(strand_, [self = shared_from_this(), writing](beast::error_code error, std::size_t) {
        if (error) return self->close();
        if (!writing->serializer.is_done()) return self->template write_some<Body>(writing);
        self->on_written(writing->response->keep_alive());
      }));
}

void PodConnection::on_written(bool keep_alive) {
  state_->requests.fetch_add(1);
  result_bytes_.release();
  parser_.reset();
  // It may have been closed, to make room, while the last byte was on its way. A timer would keep it alive from now on.
  if (closing_) return;
  if (!keep_alive) return body_left_ ? drain() : close();
  if (reading_) return await_early_bytes();
  await_request();
}

// The read that watch_client() began is still pending. The next request begins when it ends; timer_ limits the time
// until then to idle_timeout, counted from the end of the answer. The time-out of the stream is that of the answer
// now.
void PodConnection::await_early_bytes() {
  resume_ = true;
  place_->set_idle();
  timer_.expires_after(state_->options.idle_timeout);
  timer_.async_wait([self = shared_from_this(), number = request_](beast::error_code error) {
    if (!error && self->request_ == number && self->resume_) self->close();
  });
}

// Reads and throws away what the client still sends, and then closes the connection. Closing a TCP connection with
// unread bytes resets it, and the client might lose the answer (RFC 9112 section 9.6). A read that watch_client() began
// may still be pending; timer_ limits that one too.
void PodConnection::drain() {
  draining_ = true;
  beast::get_lowest_layer(stream_).expires_never();
  timer_.expires_after(state_->options.drain_timeout);
  timer_.async_wait([self = shared_from_this()](beast::error_code error) {
    if (!error) self->close();
  });
  if (!reading_) drain_some();
}

void PodConnection::drain_some() {
  buffer_.clear();
  stream_.async_read_some(
      buffer_.prepare(std::size_t{32} << 10U),
      asio::bind_executor(strand_, [self = shared_from_this()](beast::error_code error, std::size_t size) {
        if (error) return self->close();
        self->on_drained(size);
      }));
}

void PodConnection::on_drained(std::size_t size) {
  drained_ += size;
  if (drained_ > kMaxDrained) return close();
  drain_some();
}

void PodConnection::close() {
  if (std::exchange(closing_, true)) return;
  ++request_;
  wait_ = Wait::kNothing;
  long_poll_.reset();
  timer_.cancel();
  // No TLS close_notify is sent: an answer with a body carries its length, so that the client notices when it was cut
  // off.
  beast::get_lowest_layer(stream_).close();
}

void PodConnection::stop_soon() {
  asio::post(strand_, [self = shared_from_this()] {
    if (self->wait_ == Wait::kLongPoll) {
      self->end_wait();
      return self->answer(204, "");
    }
    // Without a parser no request has begun. A request that has begun is answered, and await_request() then closes the
    // connection.
    if (!self->parser_) self->close();
  });
}

void PodConnection::close_now() {
  asio::post(strand_, [self = shared_from_this()] { self->close(); });
}

}  // namespace modelrun::runserver
