#include "base/log.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/clock.h"

namespace modelrun::log {
namespace {

Format g_format = Format::kText;

spdlog::level::level_enum to_spdlog(Level level) {
  switch (level) {
    case Level::kDebug:
      return spdlog::level::debug;
    case Level::kInfo:
      return spdlog::level::info;
    case Level::kWarn:
      return spdlog::level::warn;
    case Level::kError:
      return spdlog::level::err;
  }
  return spdlog::level::info;
}

std::string_view name_of(Level level) {
  switch (level) {
    case Level::kDebug:
      return "debug";
    case Level::kInfo:
      return "info";
    case Level::kWarn:
      return "warn";
    case Level::kError:
      return "error";
  }
  return "info";
}

spdlog::logger& logger() {
  static const auto instance = [] {
    auto made = spdlog::stderr_logger_mt("modelrun");
    made->set_pattern("%v");
    made->flush_on(spdlog::level::trace);
    return made;
  }();
  return *instance;
}

// Returns `value` as a JSON string. The JSON escapes keep control characters and line ends inside the value, so that
// a hostile name cannot forge a line.
std::string json_quoted(std::string_view value) {
  const auto plain = [](char c) { return c >= ' ' && c <= '~' && c != '"' && c != '\\'; };
  if (std::ranges::all_of(value, plain)) return fmt::format("\"{}\"", value);
  const auto quoted = nlohmann::json(value).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  // JSON does not require an escape for DEL and for U+0080 to U+009F (whose first byte in UTF-8 is 0xC2), but
  // terminals interpret them as control characters as well.
  std::string safe;
  for (std::size_t i = 0; i < quoted.size(); ++i) {
    const auto byte = static_cast<unsigned char>(quoted[i]);
    const auto next = i + 1 < quoted.size() ? static_cast<unsigned char>(quoted[i + 1]) : 0U;
    const bool c1 = byte == 0xC2 && next < 0xA0;
    if (byte == 0x7F || c1) {
      safe += fmt::format("\\u{:04x}", c1 ? next : byte);
      i += c1 ? 1 : 0;
    } else {
      safe += quoted[i];
    }
  }
  return safe;
}

// Returns `text` for a line that people read: with the escapes of json_quoted() but without its quotes. Printable
// ASCII text stays as it is, including quotes and backslashes.
std::string escaped(std::string_view text) {
  if (std::ranges::all_of(text, [](char c) { return c >= ' ' && c <= '~'; })) return std::string(text);
  const auto quoted = json_quoted(text);
  return quoted.substr(1, quoted.size() - 2);
}

}  // namespace

void configure(Format format, Level level) {
  g_format = format;
  logger().set_level(to_spdlog(level));
}

Result<Level> parse_level(std::string_view name) {
  for (const Level level : {Level::kDebug, Level::kInfo, Level::kWarn, Level::kError}) {
    if (name == name_of(level)) return level;
  }
  return fail(ErrorKind::kInvalid, "log level '{}': use debug, info, warn or error", name);
}

Result<Format> parse_format(std::string_view name) {
  if (name == "text") return Format::kText;
  if (name == "json") return Format::kJson;
  return fail(ErrorKind::kInvalid, "log format '{}': use text or json", name);
}

void write(Level level, std::string_view message, Fields fields) {
  if (!logger().should_log(to_spdlog(level))) return;
  const std::string time = format_rfc3339(SystemClock().now());
  std::string line;
  if (g_format == Format::kJson) {
    line = fmt::format(R"({{"time":"{}","level":"{}","msg":{})", time, name_of(level), json_quoted(message));
    for (const auto& [name, value] : fields) line += fmt::format(",{}:{}", json_quoted(name), json_quoted(value));
    line += '}';
  } else {
    line = fmt::format("{} {:5} {}", time, name_of(level), escaped(message));
    for (const auto& [name, value] : fields) line += fmt::format(" {}={}", escaped(name), json_quoted(value));
  }
  logger().log(to_spdlog(level), "{}", line);
}

}  // namespace modelrun::log
