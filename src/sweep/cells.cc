#include "sweep/cells.h"

#include <algorithm>
#include <array>

#include "sweep/exact_json.h"

namespace modelrun::sweep {
namespace {

// What spreadsheets take for the beginning of a formula: these, also in full width, and white space before them.
bool begins_formula(std::string_view text) {
  constexpr std::array<std::string_view, 11> kBeginnings = {"=",  "+",      "-",      "@",      "\t",    "\r",
                                                            "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20"};
  return std::ranges::any_of(kBeginnings, [&](std::string_view each) { return text.starts_with(each); });
}

std::string plain_cell(std::string_view text) {
  if (text.find_first_of(",\"\r\n") == std::string_view::npos) return std::string(text);
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"') out += '"';
    out += c;
  }
  return out + "\"";
}

}  // namespace

std::string text_cell(std::string_view text) {
  std::string out = begins_formula(text) ? "'" : "";
  for (const char c : text) {
    if (c == '\0') {
      out += "\uFFFD";  // many readers end at NUL
    } else {
      out += c;
    }
  }
  return plain_cell(out);
}

std::string value_cell(std::string_view value) {
  if (value.empty()) return {};
  switch (kind_of(value)) {
    case JsonKind::kNull:
      return {};
    case JsonKind::kBoolean:
    case JsonKind::kNumber:
      return std::string(value);
    case JsonKind::kString:
      return text_cell(string_of(value));
    case JsonKind::kArray:
    case JsonKind::kObject:
      return plain_cell(value);
  }
  return {};
}

}  // namespace modelrun::sweep
