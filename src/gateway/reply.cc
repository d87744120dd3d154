#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/post.hpp>

#include "base/http_status.h"
#include "base/log.h"
#include "gateway/server_core.h"

namespace modelrun::gateway {
namespace {

void add_header(std::string& head, std::string_view name, std::string_view value) {
  head += name;
  head += ": ";
  // A line break would begin another header.
  std::ranges::copy_if(value, std::back_inserter(head), [](char c) { return c != '\r' && c != '\n' && c != '\0'; });
  head += "\r\n";
}

std::string head_of(int status, std::string_view content_type, bool keep_alive, bool cached = false) {
  std::string head = fmt::format("HTTP/1.1 {} {}\r\n", status, status_phrase(status));
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

std::string serialize(const HttpAnswer& answer, bool keep_alive) {
  // An answer that may be kept says so itself; all others are for this one caller.
  const bool cached =
      std::ranges::any_of(answer.headers, [](const auto& each) { return each.first == "Cache-Control"; });
  std::string text = head_of(answer.status, answer.body.empty() ? "" : answer.content_type, keep_alive, cached);
  for (const auto& [name, value] : answer.headers) add_header(text, name, value);
  if (answer.status != 204 && answer.status != 304)
    add_header(text, "Content-Length", std::to_string(answer.body.size()));
  return text + "\r\n" + answer.body;
}

void Reply::push(const std::string& bytes, std::unique_lock<std::mutex>& lock) {
  unsent_ += bytes;
  lock.unlock();
  wake_();
}

void Reply::answer(HttpAnswer answer) {
  std::unique_lock lock(mutex_);
  if (stage_ != Stage::kNothing) return;
  stage_ = Stage::kDone;
  push(serialize(answer, keep_alive_), lock);
}

void Reply::open_events() {
  std::unique_lock lock(mutex_);
  if (stage_ != Stage::kNothing) return;
  stage_ = Stage::kStream;
  std::string head = head_of(200, "text/event-stream", keep_alive_);
  add_header(head, "X-Accel-Buffering", "no");
  add_header(head, "Transfer-Encoding", "chunked");
  push(head + "\r\n", lock);
}

bool Reply::send(std::string_view text) {
  std::unique_lock lock(mutex_);
  // A stop that is not the client's leaves room for a last word.
  const auto max_unsent = core_->options.max_unsent_bytes;
  room_.wait(lock, stop_.get_token(), [&] { return unsent_.size() < max_unsent || left_; });
  if (left_ || stage_ != Stage::kStream || unsent_.size() >= 2 * max_unsent + text.size()) return false;
  if (!text.empty()) push(chunk(text), lock);
  return true;
}

void Reply::later(std::function<void()> work) {
  asio::post(core_->work, [work = std::move(work)] {
    try {
      work();
    } catch (const std::exception& thrown) {
      log::error("a request could not be handled to its end", {{"error", thrown.what()}});
    }
  });
}

std::shared_ptr<Exchange> Reply::hand_out(const std::shared_ptr<Reply>& reply) {
  {
    const std::lock_guard lock(reply->core_->mutex);
    ++reply->core_->exchanges;
  }
  return {reply.get(), [reply](Exchange*) {
            reply->finish();
            Core& core = *reply->core_;
            const std::lock_guard lock(core.mutex);
            if (--core.exchanges == 0) core.none_left.notify_all();
          }};
}

void Reply::finish() {
  std::unique_lock lock(mutex_);
  if (stage_ == Stage::kDone) return;
  const bool stream = stage_ == Stage::kStream;
  stage_ = Stage::kDone;
  push(stream ? "0\r\n\r\n" : serialize({.status = 500, .body = {}}, keep_alive_), lock);
}

std::string Reply::take(bool& last) {
  std::string bytes;
  {
    const std::lock_guard lock(mutex_);
    bytes.swap(unsent_);
    last = stage_ == Stage::kDone;
  }
  room_.notify_all();
  return bytes;
}

void Reply::leave() {
  {
    const std::lock_guard lock(mutex_);
    left_ = true;
  }
  room_.notify_all();
  stop_.request_stop();
}

}  // namespace modelrun::gateway
