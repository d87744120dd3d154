#include <ranges>

#include "base/encoding.h"
#include "runserver/connection.h"

namespace modelrun::runserver {
namespace {

// A result as it has come. Its bytes count for as long as they are in memory, also when the connection has gone while
// the result waits for a work thread.
struct EncodedResult {
  beast::flat_buffer body;
  bool gzipped = false;
  std::string run_uid;
  int attempt = 0;
  ByteBudget::Hold bytes;
};

// The size of what a gzip member holds, by its last four bytes (RFC 1952 section 2.3.1). The sender may lie: gunzip()
// fails then.
std::size_t announced_size(std::string_view packed) {
  std::size_t size = 0;
  if (packed.size() < 4) return size;
  for (const char byte : packed.substr(packed.size() - 4) | std::views::reverse) {
    size = (size << 8U) | static_cast<unsigned char>(byte);
  }
  return size;
}

// The bytes of the text are taken from the budget before there are any.
Result<std::string> unpack(const RunServerState& state, EncodedResult& result, std::string_view packed) {
  const auto size = announced_size(packed);
  if (size > api::kMaxFrameBytes) return fail(ErrorKind::kTooLarge, "{} bytes are too many", size);
  if (!result.bytes.set(packed.size() + size)) {
    state.refuse("results");
    return fail(ErrorKind::kUnavailable, "too many results are on their way; try again");
  }
  auto text = gunzip(packed, size);
  if (text) result.body = {};
  return text;
}

Result<DecodedResult> decode(const RunServerState& state, EncodedResult& result) {
  const auto bytes = result.body.cdata();
  const std::string_view body(static_cast<const char*>(bytes.data()), bytes.size());
  std::string text;
  if (result.gzipped) {
    auto unpacked = unpack(state, result, body);
    if (!unpacked) return fail_in("unpack the result", unpacked.error());
    text = std::move(*unpacked);
  }
  auto frame = api::decode_frame(result.gzipped ? text : body);
  if (!frame) return fail_in("read the result", frame.error());
  if (frame->run_uid != result.run_uid || frame->attempt != result.attempt) {
    return fail(ErrorKind::kInvalid, "the result is of run {} attempt {}, not of the one in the path", frame->run_uid,
                frame->attempt);
  }
  result.body = {};
  return DecodedResult{std::move(*frame), std::move(result.bytes)};
}

}  // namespace

void PodConnection::ask_handler() {
  switch (route_.action) {
    case Operation::kSource:
      return claim();
    case Operation::kControl:
      return watch_orders();
    case Operation::kResult:
      return decode_result();
    case Operation::kPoints:
      return ask_for_points();
    case Operation::kRows:
      return report_rows();
    case Operation::kWork:
      return await_work();
  }
}

void PodConnection::claim() {
  begin_wait(Wait::kHandler, state_->options.handler_timeout);
  watch_client();
  state_->handler.claim(route_.attempt, pod_, on_strand(&PodConnection::on_archive));
}

bool PodConnection::begin_long_poll() {
  // stop_soon() may have come before, and does not come again.
  if (state_->stopping) {
    answer(204, "");
    return false;
  }
  begin_wait(Wait::kLongPoll, state_->options.control_wait);
  watch_client();
  return true;
}

void PodConnection::watch_orders() {
  if (!begin_long_poll()) return;
  long_poll_ = state_->handler.watch_orders(route_.attempt, pod_, on_strand(&PodConnection::on_order));
}

void PodConnection::await_work() {
  if (!begin_long_poll()) return;
  long_poll_ = state_->handler.await_work(route_.standby, pod_, on_strand(&PodConnection::on_work));
}

void PodConnection::decode_result() {
  auto& request = parser_->get();
  const auto encoding = request[http::field::content_encoding];
  if (!encoding.empty() && encoding != "gzip" && encoding != "identity") {
    return answer(415, "The only content encoding known here is gzip.\n");
  }
  const auto result =
      std::make_shared<EncodedResult>(EncodedResult{std::move(request.body()), encoding == "gzip", route_.attempt.uid,
                                                    route_.attempt.attempt, std::move(result_bytes_)});
  begin_wait(Wait::kHandler, state_->options.handler_timeout);
  watch_client();
  std::function<Result<DecodedResult>()> job = [state = state_.get(), result] { return decode(*state, *result); };
  if (on_work_thread(std::move(job), &PodConnection::submit)) return;
  end_wait();
  state_->refuse("work");
  answer(503, "Too many requests are waiting; try again.\n");
}

void PodConnection::submit(Result<DecodedResult> result) {
  if (!result) {
    end_wait();
    return answer(result.error());
  }
  // The wait that decode_result() began goes on, with the same time-out. The handler counts the result from now on;
  // here its bytes are given back when this function returns.
  state_->handler.submit(route_.attempt, pod_, std::move(result->frame), on_strand(&PodConnection::on_committed));
}

void PodConnection::ask_for_points() {
  begin_wait(Wait::kHandler, state_->options.handler_timeout);
  watch_client();
  state_->handler.points(route_.attempt, pod_, on_strand(&PodConnection::on_points));
}

// Small enough to be read here; the handler counts the rows from now on.
void PodConnection::report_rows() {
  const auto bytes = parser_->get().body().cdata();
  auto report = api::decode_report({static_cast<const char*>(bytes.data()), bytes.size()});
  result_bytes_.release();
  if (!report) return answer(report.error());
  begin_wait(Wait::kHandler, state_->options.handler_timeout);
  watch_client();
  state_->handler.rows(route_.attempt, pod_, *std::move(report), on_strand(&PodConnection::on_receipt));
}

void PodConnection::on_archive(Result<std::shared_ptr<const source::Archive>> archive) {
  end_wait();
  if (!archive) return answer(archive.error());
  if (*archive == nullptr) return answer(500, "The source is missing.\n");
  send_archive("", *archive);
}

void PodConnection::on_work(Result<GivenWork> work) {
  end_wait();
  if (!work) return answer(work.error());
  if (work->archive == nullptr) return answer(500, "The source is missing.\n");
  send_archive(std::move(work->line) + "\n", work->archive);
}

void PodConnection::on_committed(Result<void> committed) {
  end_wait();
  if (!committed) return answer(committed.error());
  answer(200, "{}\n", "application/json");
}

void PodConnection::on_points(Result<std::string> points) {
  end_wait();
  if (!points) return answer(points.error());
  // The pod reads them as slowly as it likes, so they count until they are written.
  result_bytes_ = state_->result_bytes.hold(pod_.namespace_);
  if (!result_bytes_.set(points->size())) {
    state_->refuse("results");
    return answer(503, "Too many results are on their way; try again.\n");
  }
  answer(200, std::move(*points), "application/jsonl");
}

void PodConnection::on_receipt(Result<api::RowReceipt> receipt) {
  end_wait();
  if (!receipt) return answer(receipt.error());
  answer(200, api::encode_receipt(*receipt), "application/json");
}

void PodConnection::on_order(Result<Order> order) {
  end_wait();
  if (!order) return answer(order.error());
  switch (*order) {
    case Order::kNone:
      return answer(204, "");
    case Order::kCancel:
      return answer(200, "{\"action\":\"cancel\"}\n", "application/json");
    case Order::kOver:
      return answer(409, "The attempt is over.\n");
  }
}

void PodConnection::begin_wait(Wait wait, std::chrono::milliseconds limit) {
  if (closing_) return;  // It was closed between two steps. A timer would keep it alive.
  wait_ = wait;
  timer_.expires_after(limit);
  timer_.async_wait([self = shared_from_this(), number = request_](beast::error_code error) {
    if (!error && self->request_ == number && self->wait_ != Wait::kNothing) self->on_wait_over();
  });
}

// Changes the number of the request, so that a callback that is still on its way is ignored.
void PodConnection::end_wait() {
  ++request_;
  wait_ = Wait::kNothing;
  long_poll_.reset();
  timer_.cancel();
  // Cancels the wait that watch_client() began. If it has become a read already, that read goes on, and its bytes are
  // the beginning of the next request.
  beast::error_code ignored;
  if (!reading_) beast::get_lowest_layer(stream_).socket().cancel(ignored);
}

void PodConnection::on_wait_over() {
  const bool long_poll = wait_ == Wait::kLongPoll;
  end_wait();
  if (long_poll) return answer(204, "");
  answer(503, "There was no decision in time; try again.\n");
}

// Notices when the client disconnects while the handler is awaited. A client has no reason to send anything then. If
// the socket becomes readable, that is either the end of the connection or an early next request, and only a read can
// tell which.
void PodConnection::watch_client() {
  if (reading_ || buffer_.size() > 0) return;
  auto& socket = beast::get_lowest_layer(stream_).socket();
  socket.async_wait(
      asio::ip::tcp::socket::wait_read,
      asio::bind_executor(strand_, [self = shared_from_this(), number = request_](beast::error_code error) {
        if (error || self->closing_ || self->request_ != number || self->wait_ == Wait::kNothing) return;
        self->reading_ = true;
        // This limits the read; timer_ limits the wait for the handler. After the answer the next read, or
        // await_early_bytes(), sets a new limit.
        beast::get_lowest_layer(self->stream_).expires_after(self->state_->options.idle_timeout);
        self->stream_.async_read_some(
            self->buffer_.prepare(kReadSize),
            asio::bind_executor(self->strand_, [self](beast::error_code read_error, std::size_t size) {
              self->on_client_bytes(read_error, size);
            }));
      }));
}

void PodConnection::on_client_bytes(beast::error_code error, std::size_t size) {
  reading_ = false;
  if (error) return close();
  if (draining_) return on_drained(size);
  buffer_.commit(size);
  if (std::exchange(resume_body_, false)) return read_body();
  if (std::exchange(resume_, false)) await_request();
}

}  // namespace modelrun::runserver
