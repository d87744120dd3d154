#include "cli/console.h"

#include <algorithm>
#include <utility>

#include "base/encoding.h"
#include "base/mutex.h"

namespace modelrun::cli {
namespace {

constexpr std::string_view kEraseLine = "\r\x1b[K";

// The first `columns` characters.
std::string_view front_of(std::string_view text, std::size_t columns) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (!continues_utf8(text[i]) && columns-- == 0) return text.substr(0, i);
  }
  return text;
}

}  // namespace

void Console::write(Channel& channel, std::string_view text) {
  const MutexLock lock(mutex_);
  if (std::exchange(progress_, false)) err_.sink.write(kEraseLine);
  if (channel.sink.tty && !raw_) {
    channel.sink.write(channel.escaper.feed(text));
  } else {
    channel.sink.write(text);
  }
}

void Console::progress(std::string_view line) {
  const MutexLock lock(mutex_);
  if (!err_.sink.tty || (line.empty() && !progress_)) return;
  // A newline would leave the line where it stands.
  std::string flat = escape(line);
  std::ranges::replace_if(flat, [](char c) { return c == '\n' || c == '\t'; }, ' ');
  err_.sink.write(std::string(kEraseLine).append(front_of(flat, kProgressColumns)));
  progress_ = !line.empty();
}

}  // namespace modelrun::cli
