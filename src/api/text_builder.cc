#include "api/text_builder.h"

#include <algorithm>
#include <compare>
#include <utility>

#include "api/json_access.h"

namespace modelrun::api {
namespace {

constexpr std::size_t kMaxTokenShown = 64;

// Takes one character off the front of what stands between the quotes of a name, which json_text() has made.
char take_character(std::string_view& rest) {
  std::size_t size = 1;
  char c = rest[0];
  if (c == '\\') {
    size = rest[1] == 'u' ? 6 : 2;
    switch (rest[1]) {
      case 'b':
        c = '\b';
        break;
      case 'f':
        c = '\f';
        break;
      case 'n':
        c = '\n';
        break;
      case 'r':
        c = '\r';
        break;
      case 't':
        c = '\t';
        break;
      case 'u':  // only control characters are written in this way
        c = static_cast<char>(std::stoi(std::string(rest.substr(4, 2)), nullptr, 16));
        break;
      default:
        c = rest[1];
    }
  }
  rest.remove_prefix(size);
  return c;
}

// The order of two names by their bytes, as std::string has it.
std::strong_ordering compare_quoted(std::string_view a, std::string_view b) {
  while (!a.empty() && !b.empty()) {
    const auto x = static_cast<unsigned char>(take_character(a));
    const auto y = static_cast<unsigned char>(take_character(b));
    if (x != y) return x <=> y;
  }
  return b.empty() <=> a.empty();
}

}  // namespace

std::string full_pointer_token(std::string_view key) {
  std::string out = "/";
  for (const char c : key) {
    if (c == '~') {
      out += "~0";
    } else if (c == '/') {
      out += "~1";
    } else {
      out += c;
    }
  }
  return out;
}

std::string pointer_token(std::string_view key) {
  return full_pointer_token(key.substr(0, kMaxTokenShown)) + (key.size() > kMaxTokenShown ? "..." : "");
}

void TextBuilder::begin_value() {
  if (levels_.empty()) return;
  Level& level = levels_.back();
  if (!level.array) return;  // key() has written the comma
  if (level.count++ > 0) text_ += ',';
}

void TextBuilder::scalar(std::string_view text) {
  begin_value();
  text_ += text;
}

void TextBuilder::open(bool array) {
  begin_value();
  Level level;
  level.array = array;
  level.begin = text_.size();
  levels_.push_back(std::move(level));
  text_ += array ? '[' : '{';
}

bool TextBuilder::key(std::string_view name) {
  Level& level = levels_.back();
  const bool twice = level.count > 0 && name == level.last;
  if (level.count > 0 && name < level.last) level.sorted = false;
  level.last = name;
  if (twice) return false;
  if (level.count++ > 0) {
    level.members.back().end = static_cast<std::uint32_t>(text_.size());
    text_ += ',';
  }
  Member member{static_cast<std::uint32_t>(text_.size())};
  text_ += json_text(nlohmann::json(name));
  text_ += ':';
  member.value = static_cast<std::uint32_t>(text_.size());
  level.members.push_back(member);
  return true;
}

bool TextBuilder::close() {
  Level& level = levels_.back();
  if (!level.sorted && !sort_members(level)) return false;
  text_ += level.array ? ']' : '}';
  levels_.pop_back();
  return true;
}

// Without the quotes.
std::string_view TextBuilder::quoted_name(const Member& member) const {
  return std::string_view(text_).substr(member.begin + 1, member.value - member.begin - 3);
}

bool TextBuilder::sort_members(Level& level) {
  auto& members = level.members;
  members.back().end = static_cast<std::uint32_t>(text_.size());
  const auto compare = [this](const Member& a, const Member& b) {
    return compare_quoted(quoted_name(a), quoted_name(b));
  };
  std::ranges::sort(members, [&](const Member& a, const Member& b) { return compare(a, b) < 0; });
  const auto twice =
      std::ranges::adjacent_find(members, [&](const Member& a, const Member& b) { return compare(a, b) == 0; });
  if (twice != members.end()) {
    level.last.clear();
    for (auto rest = quoted_name(*twice); !rest.empty();) level.last += take_character(rest);
    return false;
  }
  std::string text;
  text.reserve(text_.size() - level.begin);
  for (const auto& member : members) {
    if (!text.empty()) text += ',';
    text.append(text_, member.begin, member.end - member.begin);
  }
  text_.replace(level.begin + 1, std::string::npos, text);
  return true;
}

std::string TextBuilder::path() const {
  std::string out;
  for (std::size_t i = 0; i < levels_.size(); ++i) {
    const Level& level = levels_[i];
    // An open child has been counted already; the value that comes next has not.
    const std::size_t index = level.count - (i + 1 < levels_.size() ? 1 : 0);
    out += level.array ? "/" + std::to_string(index) : pointer_token(level.last);
  }
  return out;
}

std::string TextBuilder::take() {
  levels_.clear();
  return std::exchange(text_, {});
}

}  // namespace modelrun::api
