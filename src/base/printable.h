// Text from outside (a model, a git server, a name in an archive) made fit to be shown in a message: of a log, a
// condition, an event, a terminal, a page. Whoever takes such text in cleans it once, there, with this function.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace modelrun {

// The longest message that is made of text from outside, in bytes.
inline constexpr std::size_t kMaxShownBytes = 2048;

// Returns `text` as one line of valid UTF-8 of at most `limit` bytes. White space that moves the cursor (tab, line
// feed, vertical tab, form feed, carriage return) and the separators U+0085, U+2028 and U+2029 become a space. These
// become '?':
//   - the other control characters: U+0001 to U+001F with ESC among them, U+007F, and U+0080 to U+009F (C1);
//   - characters that change the order in which text is shown (U+061C, U+200E, U+200F, U+202A to U+202E,
//     U+2066 to U+2069);
//   - characters that nobody sees (U+00AD, U+200B to U+200D, U+2060 to U+2065, U+206A to U+206F, U+FEFF,
//     U+FFF9 to U+FFFB, U+E0000 to U+E007F).
// A byte that is not part of a valid UTF-8 sequence, and NUL, becomes U+FFFD. A longer text is cut between two
// characters and ends with "...", which counts. Takes memory in proportion to `limit`, however long `text` is. The
// result is a fixed point: printable(printable(t, n), n) is printable(t, n). Pure.
std::string printable(std::string_view text, std::size_t limit = kMaxShownBytes);

}  // namespace modelrun
