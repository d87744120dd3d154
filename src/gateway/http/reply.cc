#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "base/http_status.h"
#include "base/mutex.h"
#include "base/text.h"
#include "gateway/http/server_state.h"

namespace modelrun::gateway {
namespace {

constexpr std::string_view kRetryAfterSeconds = "1";

void add_header(std::string& head, std::string_view name, std::string_view value) {
  head += name;
  head += ": ";
  // A line break in the value would begin another header (response splitting).
  std::ranges::copy_if(value, std::back_inserter(head), [](char c) { return c != '\r' && c != '\n' && c != '\0'; });
  head += "\r\n";
}

std::string head_of(int status, std::string_view content_type, bool keep_alive, bool cached = false) {
  std::string head = fmt::format("HTTP/1.1 {} {}\r\n", status, status_phrase(status));
  // IMF-fixdate (RFC 9110, section 5.6.7); fmt writes English names, whatever the locale is.
  const auto now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
  add_header(head, "Date", fmt::format("{:%a, %d %b %Y %H:%M:%S} GMT", fmt::gmtime(now)));
  if (!content_type.empty()) add_header(head, "Content-Type", content_type);
  if (!cached) add_header(head, "Cache-Control", "no-store");
  add_header(head, "X-Content-Type-Options", "nosniff");
  if (!keep_alive) add_header(head, "Connection", "close");
  return head;
}

std::string chunk(std::string_view bytes) {
  return fmt::format("{:x}\r\n{}\r\n", bytes.size(), bytes);
}

}  // namespace

std::string serialize(const HttpAnswer& answer, bool keep_alive, bool no_body) {
  // An answer that may be cached has a Cache-Control of its own. All others are meant for this caller only and must
  // not be stored.
  const auto has = [&](std::string_view name) {
    return std::ranges::any_of(answer.headers, [&](const auto& each) { return each.first == name; });
  };
  const bool cached = has("Cache-Control");
  std::string text = head_of(answer.status, answer.body.empty() ? "" : answer.content_type, keep_alive, cached);
  for (const auto& [name, value] : answer.headers) add_header(text, name, value);
  if ((answer.status == 429 || answer.status == 503) && !has("Retry-After")) {
    add_header(text, "Retry-After", kRetryAfterSeconds);
  }
  if (answer.status != 204 && answer.status != 304)
    add_header(text, "Content-Length", std::to_string(answer.body.size()));
  text += "\r\n";
  return no_body ? text : text + answer.body;
}

void Reply::push(const std::string& bytes, MutexLock& lock) {
  unsent_ += bytes;
  lock.unlock();
  wake_();
}

bool Reply::reserve(std::size_t more) {
  if (waiting_.set(unsent_.size() + writing_ + more)) return true;
  state_->refuse("answers");
  return false;
}

void Reply::answer(HttpAnswer answer) {
  MutexLock lock(mutex_);
  if (stage_ != Stage::kNothing) return;
  stage_ = Stage::kDone;
  auto text = serialize(answer, keep_alive_, no_body_);
  if (!reserve(text.size())) {
    text = serialize(plain_problem(503, "too many answers wait to be read by their clients: try again"), keep_alive_,
                     no_body_);
  }
  push(text, lock);
}

std::string Reply::piece(std::string_view text) const {
  return chunked_ ? chunk(text) : std::string(text);
}

void Reply::open_events(const HttpHeaders& headers) {
  MutexLock lock(mutex_);
  if (stage_ != Stage::kNothing) return;
  stage_ = no_body_ ? Stage::kDone : Stage::kStream;
  std::string head = head_of(200, "text/event-stream", keep_alive_);
  for (const auto& [name, value] : headers) add_header(head, name, value);
  add_header(head, "X-Accel-Buffering", "no");
  if (chunked_) add_header(head, "Transfer-Encoding", "chunked");
  push(head + "\r\n", lock);
}

bool Reply::reserve_chunk(const std::string& bytes) {
  return unsent_.size() + writing_ <= state_->options.max_stream_bytes && reserve(bytes.size());
}

bool Reply::send(std::string_view text) {
  MutexLock lock(mutex_);
  if (left_ || stage_ != Stage::kStream) return false;
  if (text.empty()) return true;
  const auto bytes = piece(text);
  const bool room = reserve_chunk(bytes);
  if (!room) {
    broken_ = true;
    stage_ = Stage::kDone;
  }
  push(room ? bytes : std::string(), lock);
  return room;
}

bool Reply::send_if_read(std::string_view text) {
  MutexLock lock(mutex_);
  if (left_ || stage_ != Stage::kStream) return false;
  if (text.empty() || unsent_.size() >= state_->options.max_unsent_bytes) return true;
  const auto bytes = piece(text);
  if (reserve_chunk(bytes)) push(bytes, lock);
  return true;
}

bool Reply::wait_until_read(std::stop_token stop) {
  // Either token ends the wait.
  const std::stop_callback wake(stop_.get_token(), [this] {
    const MutexLock lock(mutex_);
    room_.notify_all();
  });
  MutexLock lock(mutex_);
  room_.wait(mutex_, stop, [&]() REQUIRES(mutex_) {
    return unsent_.size() < state_->options.max_unsent_bytes || left_ || stop_.stop_requested();
  });
  return !left_ && !stop_.stop_requested() && !stop.stop_requested();
}

void Reply::charge_to(std::string_view owner) {
  has_owner_ = true;
  const MutexLock lock(mutex_);
  auto held = state_->answers.hold(std::string(owner));
  if (held.set(unsent_.size() + writing_)) waiting_ = std::move(held);
}

void Reply::release_body() {
  const MutexLock lock(mutex_);
  free_text(request_->body);
  body_.release();
}

void Reply::later(std::function<void()> work) {
  asio::post(state_->work, [path = request_->path, work = std::move(work)] { call_logged(path, work); });
}

std::shared_ptr<HttpExchange> Reply::hand_out(const std::shared_ptr<Reply>& reply) {
  {
    const MutexLock lock(reply->state_->mutex);
    ++reply->state_->exchanges;
  }
  return {reply.get(), [reply](HttpExchange*) {
            reply->finish();
            ServerState& core = *reply->state_;
            const MutexLock lock(core.mutex);
            if (--core.exchanges == 0) core.none_left.notify_all();
          }};
}

void Reply::finish() {
  MutexLock lock(mutex_);
  if (stage_ == Stage::kDone) return;
  const bool stream = stage_ == Stage::kStream;
  stage_ = Stage::kDone;
  if (stream) return push(chunked_ ? "0\r\n\r\n" : "", lock);
  push(serialize(plain_problem(500, "the request could not be handled: the log of the gateway says why"), keep_alive_,
                 no_body_),
       lock);
}

std::string Reply::take(bool& last) {
  std::string bytes;
  {
    const MutexLock lock(mutex_);
    bytes.swap(unsent_);
    writing_ = bytes.size();
    (void)waiting_.set(writing_);  // not more than before
    last = stage_ == Stage::kDone;
  }
  room_.notify_all();
  return bytes;
}

void Reply::leave() {
  {
    const MutexLock lock(mutex_);
    left_ = true;
  }
  room_.notify_all();
  stop_.request_stop();
}

}  // namespace modelrun::gateway
