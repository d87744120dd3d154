// The program's standard input, output and error. Text for a terminal is escaped here (see escape.h), in the one
// place that every command's output passes through, so that no command can forget it.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/mutex.h"
#include "cli/escape.h"

namespace modelrun::cli {

// Thread-safe, except for set_raw(). The sinks are called one at a time, with a mutex held: they must not call the
// Console.
class Console {
 public:
  struct Sink {
    std::function<void(std::string_view)> write;  // must write the whole text
    bool tty = false;                             // it is a terminal: what is written is escaped, unless raw()
  };
  using ReadInput = std::function<Result<std::string>()>;  // reads standard input to its end

  Console(Sink out, Sink err, ReadInput input)
      : out_{std::move(out), {}}, err_{std::move(err), {}}, input_(std::move(input)) {}

  // Write to standard output and standard error. The text is unchanged, except that control characters are escaped
  // when the sink is a terminal. There, a UTF-8 sequence that `text` ends in the middle of is held back until the
  // next call.
  void out(std::string_view text) { write(out_, text); }
  void err(std::string_view text) { write(err_, text); }
  // Writes `line` and a newline to standard error.
  void note(std::string_view line) { err(std::string(line) + '\n'); }
  // Shows `line` at the bottom of the terminal that standard error is, in the place of the line that was shown before.
  // Whatever is written next takes its place, and so does an empty line. Control characters are escaped, also when
  // raw(), and what goes beyond kProgressColumns is cut off. Does nothing if standard error is no terminal.
  void progress(std::string_view line);
  static constexpr std::size_t kProgressColumns = 79;
  // Reads all of standard input; may block. Fails as the ReadInput does.
  [[nodiscard]] Result<std::string> read_input() const { return input_(); }

  [[nodiscard]] bool out_is_tty() const { return out_.sink.tty; }
  [[nodiscard]] bool err_is_tty() const { return err_.sink.tty; }
  // With `raw`, nothing is escaped for terminals either (the flag --raw). Not synchronized: call before threads
  // start.
  void set_raw(bool raw) { raw_ = raw; }
  [[nodiscard]] bool raw() const { return raw_; }

 private:
  struct Channel {
    Sink sink;
    Escaper escaper;
  };
  void write(Channel& channel, std::string_view text);

  Mutex mutex_;            // guards the escapers and progress_, and keeps each write whole
  bool progress_ = false;  // a line of progress() stands at the bottom
  Channel out_, err_;
  ReadInput input_;
  bool raw_ = false;
};

}  // namespace modelrun::cli
