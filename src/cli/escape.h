// Makes text of unknown origin safe to print on a terminal. Without it, a model could print escape sequences that
// move the cursor, change the window title, or make the terminal send a reply that the shell then reads as input.
// Pure.
#pragma once

#include <string>
#include <string_view>

namespace modelrun::cli {

// Escapes a text that arrives in pieces. A UTF-8 sequence may be split between two pieces. Each byte of a control
// character (C0 except \n and \t, DEL, and C1 in its UTF-8 form) and each byte that is not part of valid UTF-8
// (RFC 3629) becomes \xNN, with two hexadecimal digits in lower case. All other text is unchanged; a backslash stays
// as it is, so the result cannot be decoded unambiguously. Not thread-safe.
//
//   Escaper escaper;
//   while (read(piece)) write(escaper.feed(piece));
//   write(escaper.finish());
class Escaper {
 public:
  // Returns the escaped form of `piece`. An incomplete UTF-8 sequence at its end (at most 3 bytes) is kept for the
  // next call.
  std::string feed(std::string_view piece);
  // Returns the bytes that feed() kept, escaped; empty when there are none. A new text may follow.
  std::string finish();

 private:
  std::string pending_;  // the first bytes of an incomplete UTF-8 sequence, at most 3
};

// Escapes a whole text, as feed() followed by finish().
std::string escape(std::string_view text);

}  // namespace modelrun::cli
