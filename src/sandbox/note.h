// Diagnostic lines on standard error, for `kubectl logs`.
#pragma once

#include <fmt/format.h>

#include <string_view>

namespace modelrun::sandbox {

// Writes `text` as one printable line with the prefix "modelrun-sandbox: ", of at most 4096 bytes: a message
// that quotes a server or a model must not be able to forge a line of the log, because the result is found by lines
// that begin with api::kFrameLine. Failures to write are ignored. Thread-safe: the line is given to one write(2). It
// blocks while a blocking standard error is full; on a non-blocking one the rest of the line is lost.
void write_note(std::string_view text);

// Formats the arguments as fmt::format() does and writes the text with write_note().
template <class... Args>
void note(fmt::format_string<Args...> format, Args&&... args) {
  write_note(fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace modelrun::sandbox
