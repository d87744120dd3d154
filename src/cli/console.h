// Where the program reads and writes. What goes to a terminal is escaped here, so that no command can forget it.
#pragma once

#include <functional>
#include <mutex>
#include <string>
#include <string_view>

#include "base/error.h"
#include "cli/escape.h"

namespace modelrun::cli {

// Thread-safe.
class Console {
 public:
  struct Sink {
    std::function<void(std::string_view)> write;
    bool tty = false;
  };
  using ReadInput = std::function<Result<std::string>()>;  // all of standard input

  Console(Sink out, Sink err, ReadInput input)
      : out_{std::move(out), {}}, err_{std::move(err), {}}, input_(std::move(input)) {}

  // As they are, but for control characters on a terminal (escape.h).
  void out(std::string_view text) { write(out_, text); }
  void err(std::string_view text) { write(err_, text); }
  // A line on standard error.
  void note(std::string_view line) { err(std::string(line) + '\n'); }
  [[nodiscard]] Result<std::string> read_input() const { return input_(); }

  [[nodiscard]] bool out_is_tty() const { return out_.sink.tty; }
  // Terminals get the bytes as they are. Call before threads start.
  void set_raw(bool raw) { raw_ = raw; }
  [[nodiscard]] bool raw() const { return raw_; }

 private:
  struct Channel {
    Sink sink;
    Escaper escaper;
  };
  void write(Channel& channel, std::string_view text);

  std::mutex mutex_;  // guards the escapers and the order of writes
  Channel out_, err_;
  ReadInput input_;
  bool raw_ = false;
};

}  // namespace modelrun::cli
