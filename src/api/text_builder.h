// Puts the compact text of a JSON value together from the events of a parser: no spaces, members sorted by name. Its
// memory is at most twice the text, and twelve bytes for each member of the objects that are open. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace modelrun::api {

// One value at a time: events come in the order of a JSON text, and the value is whole when depth() is 0 again after
// the first event. REQUIRES: the text stays under 4 GiB.
class TextBuilder {
 public:
  void scalar(std::string_view text);  // a number, string, true, false or null, as JSON
  void open(bool array);
  // These two return false if the object has two members of one name; path() then leads to it.
  bool close();
  bool key(std::string_view name);  // neither escaped nor in quotes

  [[nodiscard]] std::size_t depth() const { return levels_.size(); }  // open objects and arrays
  [[nodiscard]] std::size_t size() const { return text_.size(); }     // of the text so far, in bytes
  // The JSON pointer (RFC 6901) of the value that comes next, for messages: see pointer_token(). Empty at the top.
  [[nodiscard]] std::string path() const;
  // The text; the builder is empty afterwards.
  std::string take();

 private:
  struct Member {
    std::uint32_t begin = 0;  // of its name in text_
    std::uint32_t value = 0;  // of its value
    std::uint32_t end = 0;    // of its value; set when the next member begins, or the object ends
  };
  struct Level {
    bool array = false;
    bool sorted = true;
    std::size_t begin = 0;        // of the bracket in text_
    std::size_t count = 0;        // elements or members so far
    std::string last;             // of an object: the name that was read last
    std::vector<Member> members;  // of an object
  };

  void begin_value();
  bool sort_members(Level& level);
  [[nodiscard]] std::string_view quoted_name(const Member& member) const;

  std::string text_;
  std::vector<Level> levels_;
};

// `key` as one token of a JSON pointer, with the '/' in front.
std::string full_pointer_token(std::string_view key);
// The same, with `key` shortened to 64 bytes, for a message.
std::string pointer_token(std::string_view key);

}  // namespace modelrun::api
