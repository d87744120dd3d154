// One line on standard error, for `kubectl logs`. Control characters are replaced, so that a message that quotes a
// server or a model cannot forge a line (api::kFrameLine is looked for at the beginning of lines). Thread-safe: one
// write a line.
#pragma once

#include <fmt/format.h>

#include <string_view>

namespace modelrun::sandbox {

void write_note(std::string_view text);

template <class... Args>
void note(fmt::format_string<Args...> format, Args&&... args) {
  write_note(fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace modelrun::sandbox
