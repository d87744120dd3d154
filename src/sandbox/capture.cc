#include "sandbox/capture.h"

#include <algorithm>

#include "base/encoding.h"

namespace modelrun::sandbox {
namespace {

// Returns the length in bytes of the UTF-8 sequence that begins with `c`; 1 when `c` does not begin a longer one.
std::size_t announced(char c) {
  const auto lead = static_cast<unsigned char>(c);
  return lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : lead >= 0xC0 ? 2 : 1;
}

// Without an incomplete UTF-8 sequence at the end.
std::string_view without_cut_end(std::string_view text) {
  for (std::size_t back = 1; back <= std::min<std::size_t>(3, text.size()); ++back) {
    const char c = text[text.size() - back];
    if (continues_utf8(c)) continue;
    return announced(c) > back ? text.substr(0, text.size() - back) : text;
  }
  return text;
}

// Without continuation bytes at the beginning.
std::string_view without_cut_start(std::string_view text) {
  std::size_t skip = 0;
  while (skip < 3 && skip < text.size() && continues_utf8(text[skip])) ++skip;
  return text.substr(skip);
}

}  // namespace

StreamCapture::StreamCapture(std::size_t limit) : half_(std::max(limit, kLeast) / 2) {}

void StreamCapture::append(std::string_view bytes) {
  total_ += bytes.size();
  const std::size_t to_head = std::min(bytes.size(), half_ - head_.size());
  head_ += bytes.substr(0, to_head);
  bytes.remove_prefix(to_head);
  if (bytes.size() >= half_) {
    ring_ = bytes.substr(bytes.size() - half_);
    ring_at_ = 0;
    return;
  }
  const std::size_t to_grow = std::min(bytes.size(), half_ - ring_.size());
  ring_ += bytes.substr(0, to_grow);
  bytes.remove_prefix(to_grow);
  while (!bytes.empty()) {
    const std::size_t span = std::min(bytes.size(), half_ - ring_at_);
    std::copy_n(bytes.begin(), span, ring_.begin() + static_cast<std::ptrdiff_t>(ring_at_));
    ring_at_ = (ring_at_ + span) % half_;
    bytes.remove_prefix(span);
  }
}

api::CapturedStream StreamCapture::finish() const {
  const std::string tail = ring_.substr(ring_at_) + ring_.substr(0, ring_at_);
  if (total_ == head_.size() + tail.size()) return {make_valid_utf8(head_ + tail), {}, total_};
  return {make_valid_utf8(without_cut_end(head_)), make_valid_utf8(without_cut_start(tail)), total_};
}

}  // namespace modelrun::sandbox
