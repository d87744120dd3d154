// Structured logs on standard error: JSON lines for machines, one readable line for people.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

#include "base/error.h"

namespace modelrun::log {

enum class Level { kDebug, kInfo, kWarn, kError };
enum class Format { kText, kJson };

// A name and its value, e.g. {"run", "default/forecast-7"}. Messages, names and values may hold anything, also what a
// model wrote: control characters are escaped in both formats, so that no text makes a line of its own.
using Field = std::pair<std::string_view, std::string>;
using Fields = std::initializer_list<Field>;

// Sets the format and the lowest level that is written. Call once, before threads start.
void configure(Format format, Level level);
Result<Level> parse_level(std::string_view name);
Result<Format> parse_format(std::string_view name);

// Thread-safe; one write a line, so that lines of several threads never mix.
void write(Level level, std::string_view message, Fields fields);

inline void debug(std::string_view message, Fields fields = {}) {
  write(Level::kDebug, message, fields);
}
inline void info(std::string_view message, Fields fields = {}) {
  write(Level::kInfo, message, fields);
}
inline void warn(std::string_view message, Fields fields = {}) {
  write(Level::kWarn, message, fields);
}
inline void error(std::string_view message, Fields fields = {}) {
  write(Level::kError, message, fields);
}

}  // namespace modelrun::log
