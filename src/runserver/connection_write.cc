#include "base/log.h"
#include "runserver/connection.h"

namespace modelrun::runserver {
namespace {

constexpr std::size_t kMaxDrained = 32U << 20U;
constexpr std::chrono::seconds kDrainTime{2};

}  // namespace

void Connection::answer(unsigned status, std::string text, std::string_view content_type) {
  auto response = std::make_shared<http::response<http::string_body>>();
  response->result(status);
  if (!text.empty())
    response->set(http::field::content_type, beast::string_view(content_type.data(), content_type.size()));
  response->body() = std::move(text);
  // "Try again on a new connection": it may lead to another replica.
  if (status == 503 || status == 429) body_left_ = true;
  finish_head(*response);
  write(std::move(response));
}

void Connection::send_archive(const std::shared_ptr<const source::Archive>& archive) {
  http::file_body::value_type file;
  beast::error_code error;
  file.open(archive->path().c_str(), beast::file_mode::scan, error);
  if (error || file.size() != archive->bytes()) {
    log::error("the archive cannot be served", {{"path", archive->path().string()}, {"error", error.message()}});
    return answer(503, "The source cannot be read now; try again.\n");
  }
  // The archive rides along with the response, so that it is not evicted before the last byte.
  struct Served {
    http::response<http::file_body> response;
    std::shared_ptr<const source::Archive> archive;
  };
  auto served = std::make_shared<Served>();
  served->archive = archive;
  served->response.result(http::status::ok);
  served->response.set(http::field::content_type, "application/gzip");
  served->response.set(beast::string_view(api::kDigestHeader.data(), api::kDigestHeader.size()), archive->sha256());
  served->response.body() = std::move(file);
  finish_head(served->response);
  write(std::shared_ptr<http::response<http::file_body>>(served, &served->response));
}

template <class Body>
void Connection::finish_head(http::response<Body>& response) {
  response.version(11);
  response.set(http::field::server, "modelrun");
  response.set(http::field::cache_control, "no-store");
  const bool asked = parser_ && parser_->is_header_done() && parser_->keep_alive();
  response.keep_alive(asked && !body_left_ && !core_->stopping);
  response.prepare_payload();
  if (response.result() == http::status::no_content) response.erase(http::field::content_length);
  if (response.result() == http::status::unauthorized) response.set(http::field::www_authenticate, "Bearer");
}

template <class Body>
void Connection::write(std::shared_ptr<http::response<Body>> response) {
  struct Writing {
    explicit Writing(std::shared_ptr<http::response<Body>> r) : response(std::move(r)), serializer(*response) {}
    std::shared_ptr<http::response<Body>> response;
    http::response_serializer<Body> serializer;
  };
  write_some<Body>(std::make_shared<Writing>(std::move(response)));
}

// Piece by piece, so that the time-out is for one piece and not for a large archive on a slow line.
template <class Body, class Writing>
void Connection::write_some(const std::shared_ptr<Writing>& writing) {
  beast::get_lowest_layer(stream_).expires_after(core_->options.write_timeout);
  http::async_write_some(
      stream_, writing->serializer,
      asio::bind_executor(strand_, [self = shared_from_this(), writing](beast::error_code error, std::size_t) {
        if (error) return self->close();
        if (!writing->serializer.is_done()) return self->template write_some<Body>(writing);
        self->on_written(writing->response->keep_alive());
      }));
}

void Connection::on_written(bool keep_alive) {
  core_->requests.fetch_add(1);
  if (has_result_) {
    core_->results.fetch_sub(1);
    has_result_ = false;
  }
  parser_.reset();
  if (!keep_alive) return body_left_ && !reading_ ? drain() : close();
  if (reading_) return await_early_bytes();
  await_request();
}

// The read that watch_client began goes on; Beast's clock for it went with the answer, so it gets one here.
void Connection::await_early_bytes() {
  resume_ = true;
  timer_.expires_after(core_->options.idle_timeout);
  timer_.async_wait([self = shared_from_this(), number = request_](beast::error_code error) {
    if (!error && self->request_ == number && self->resume_) self->close();
  });
}

// A connection that is closed with unread bytes is reset, and the answer may be lost with it.
void Connection::drain() {
  buffer_.clear();
  if (drained_ == 0) beast::get_lowest_layer(stream_).expires_after(kDrainTime);
  stream_.async_read_some(
      buffer_.prepare(std::size_t{32} << 10U),
      asio::bind_executor(strand_, [self = shared_from_this()](beast::error_code error, std::size_t size) {
        self->drained_ += size;
        if (error || self->drained_ > kMaxDrained) return self->close();
        self->drain();
      }));
}

void Connection::close() {
  if (std::exchange(closing_, true)) return;
  ++request_;
  wait_ = Wait::kNothing;
  orders_.reset();
  timer_.cancel();
  // TCP's end is enough: every answer carries its length, so that a client sees when one was cut off.
  beast::get_lowest_layer(stream_).close();
}

void Connection::stop_soon() {
  asio::post(strand_, [self = shared_from_this()] {
    if (self->wait_ == Wait::kOrders) {
      self->end_wait();
      return self->answer(204, "");
    }
    // No request has begun. One that has is answered; await_request then ends the connection.
    if (!self->parser_) self->close();
  });
}

void Connection::close_now() {
  asio::post(strand_, [self = shared_from_this()] { self->close(); });
}

}  // namespace modelrun::runserver
