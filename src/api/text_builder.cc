#include "api/text_builder.h"

#include <algorithm>
#include <utility>

#include "api/json_access.h"

namespace modelrun::api {
namespace {

constexpr std::size_t kMaxTokenShown = 64;
constexpr std::size_t kMaxPathShown = 512;

}  // namespace

std::string pointer_token(std::string_view key) {
  std::string out = "/";
  for (const char c : key.substr(0, kMaxTokenShown)) {
    if (c == '~') {
      out += "~0";
    } else if (c == '/') {
      out += "~1";
    } else {
      out += static_cast<unsigned char>(c) < 0x20 || c == 0x7F ? '?' : c;
    }
  }
  if (key.size() > kMaxTokenShown) out += "...";
  return out;
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
  if (level.count++ > 0) text_ += ',';
  Member member{static_cast<std::uint32_t>(text_.size()), 0};
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

std::string TextBuilder::name_of(const Member& member) const {
  const std::string_view quoted(text_.data() + member.begin, member.value - member.begin - 1);
  const std::string_view inner = quoted.substr(1, quoted.size() - 2);
  if (inner.find('\\') == std::string_view::npos) return std::string(inner);
  return nlohmann::json::parse(quoted).get<std::string>();
}

bool TextBuilder::sort_members(Level& level) {
  struct Named {
    std::string name;
    std::size_t begin, end;
  };
  std::vector<Named> sorted;
  sorted.reserve(level.members.size());
  for (std::size_t i = 0; i < level.members.size(); ++i) {
    const bool last = i + 1 == level.members.size();
    sorted.push_back({name_of(level.members[i]), level.members[i].begin,
                      last ? text_.size() : level.members[i + 1].begin - 1});  // without the comma
  }
  std::ranges::sort(sorted, {}, &Named::name);
  const auto twice = std::ranges::adjacent_find(sorted, {}, &Named::name);
  if (twice != sorted.end()) {
    level.last = twice->name;
    return false;
  }
  std::string text;
  text.reserve(text_.size() - level.begin);
  for (const auto& member : sorted) {
    if (!text.empty()) text += ',';
    text.append(text_, member.begin, member.end - member.begin);
  }
  text_.replace(level.begin + 1, std::string::npos, text);
  return true;
}

std::string TextBuilder::path() const {
  std::string out;
  for (std::size_t i = 0; i < levels_.size() && out.size() < kMaxPathShown; ++i) {
    const Level& level = levels_[i];
    // An open child has been counted already; the value that comes next has not.
    const std::size_t index = level.count - (i + 1 < levels_.size() ? 1 : 0);
    out += level.array ? "/" + std::to_string(index) : pointer_token(level.last);
  }
  if (out.size() > kMaxPathShown) out.resize(kMaxPathShown);
  return out;
}

std::string TextBuilder::take() {
  levels_.clear();
  return std::exchange(text_, {});
}

}  // namespace modelrun::api
