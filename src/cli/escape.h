// Makes text of unknown origin safe for a terminal: what a model prints must not move the cursor, change the title or
// answer the terminal's questions. Pure.
#pragma once

#include <string>
#include <string_view>

namespace modelrun::cli {

// Not thread-safe. Takes a text in pieces; a UTF-8 sequence may be cut between two of them. Control characters but \n
// and \t (C0, DEL, and C1 in its UTF-8 form) and bytes that are not UTF-8 come out as \xNN.
class Escaper {
 public:
  std::string feed(std::string_view piece);
  // What is left of a sequence that never ended.
  std::string finish();

 private:
  std::string pending_;  // the beginning of a sequence, at most 3 bytes
};

std::string escape(std::string_view text);

}  // namespace modelrun::cli
