// Structured logs on standard error. An entry is one line in either format: kJson is an object for machines, kText is
// for people. The log is a library of its own (modelrun::log), which the static modelrun-sandbox does not link.
//
// Usage:
//   log::configure(log::Format::kJson, log::Level::kInfo);  // in main(), before threads start
//   log::warn("cannot read the log", {{"run", "default/forecast-7"}, {"error", error.message}});
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

#include "base/error.h"

namespace modelrun::log {

enum class Level { kDebug, kInfo, kWarn, kError };
enum class Format { kText, kJson };

// The name and the value of a field. Messages, names and values may hold any bytes, including text that an untrusted
// model wrote: control characters (C0, DEL and C1) are escaped in both formats, so that no text can forge a line or
// control a terminal. Bytes that are not UTF-8 become U+FFFD.
using Field = std::pair<std::string_view, std::string>;
using Fields = std::initializer_list<Field>;

// Sets the format and the lowest level that is written. Call it at most once and before other threads start: it is
// not thread-safe. Without it the format is kText and the level kInfo.
void configure(Format format, Level level);
// Accepts debug, info, warn and error; kInvalid for anything else.
Result<Level> parse_level(std::string_view name);
// Accepts text and json; kInvalid for anything else.
Result<Format> parse_format(std::string_view name);

// Writes one line with the time, the level, the message and the fields, unless `level` is below the configured one.
// Thread-safe: a line is written whole, so that lines of several threads never mix. Blocks while standard error does.
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
