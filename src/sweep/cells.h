// Cells of a CSV table (RFC 4180), from values that models and people wrote. Pure and thread-safe.
#pragma once

#include <string>
#include <string_view>

namespace modelrun::sweep {

// A text. One that a spreadsheet would take for a formula has a "'" in front (CSV injection); a NUL, at which many
// readers end, becomes U+FFFD.
std::string text_cell(std::string_view text);

// A value inside of the text of an api::JsonText: numbers as they are, texts as text_cell() has them, objects and lists
// as JSON; nothing for null and for an empty `value`.
std::string value_cell(std::string_view value);

}  // namespace modelrun::sweep
