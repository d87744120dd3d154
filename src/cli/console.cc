#include "cli/console.h"

#include "base/mutex.h"

namespace modelrun::cli {

void Console::write(Channel& channel, std::string_view text) {
  const MutexLock lock(mutex_);
  if (channel.sink.tty && !raw_) {
    channel.sink.write(channel.escaper.feed(text));
  } else {
    channel.sink.write(text);
  }
}

}  // namespace modelrun::cli
