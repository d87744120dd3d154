#include "sweep/pointer.h"

#include <algorithm>
#include <charconv>
#include <numeric>

#include "api/text_builder.h"
#include "base/printable.h"
#include "sweep/exact_json.h"

namespace modelrun::sweep {
namespace {

constexpr std::size_t kMaxTokenShown = 64;

Result<std::string> unescape(std::string_view token) {
  std::string out;
  for (std::size_t i = 0; i < token.size(); ++i) {
    if (token[i] != '~') {
      out += token[i];
      continue;
    }
    const char next = i + 1 < token.size() ? token[++i] : '\0';
    if (next != '0' && next != '1') {
      return fail(ErrorKind::kInvalid,
                  "'~' must be followed by 0 or 1 in a JSON pointer: write ~0 for '~' and ~1 for '/'");
    }
    out += next == '0' ? '~' : '/';
  }
  return out;
}

// As RFC 6901 writes an index: digits without a zero in front.
std::optional<std::size_t> index_of(const std::string& token) {
  if (token.empty() || (token.size() > 1 && token[0] == '0')) return std::nullopt;
  std::size_t index = 0;
  const auto [end, error] = std::from_chars(token.data(), token.data() + token.size(), index);
  if (error != std::errc{} || end != token.data() + token.size()) return std::nullopt;
  return index;
}

Result<std::string> replaced(std::string_view json, std::span<const std::string> tokens, std::string_view value);

Result<std::string> replaced_member(std::string_view object, std::span<const std::string> tokens,
                                    std::string_view value) {
  const auto members = members_of(object);
  const auto at = std::ranges::lower_bound(members, tokens[0], {}, &JsonMember::name);
  const bool there = at != members.end() && at->name == tokens[0];
  const auto inner = replaced(there ? at->value : std::string_view("{}"), tokens.subspan(1), value);
  RETURN_IF_ERROR(inner);
  std::string out = "{";
  for (auto each = members.begin(); each != at; ++each) append_member(out, each->name, each->value);
  append_member(out, tokens[0], *inner);
  for (auto each = there ? at + 1 : at; each != members.end(); ++each) append_member(out, each->name, each->value);
  return out + "}";
}

Result<std::string> replaced_element(std::string_view array, std::span<const std::string> tokens,
                                     std::string_view value) {
  const auto elements = elements_of(array);
  const auto index = index_of(tokens[0]);
  if (!index || *index >= elements.size()) {
    return fail(ErrorKind::kInvalid, "'{}' is no index of the list there, which has {} elements",
                printable(tokens[0], kMaxTokenShown), elements.size());
  }
  const auto inner = replaced(elements[*index], tokens.subspan(1), value);
  RETURN_IF_ERROR(inner);
  std::string out = "[";
  for (std::size_t i = 0; i < elements.size(); ++i) {
    if (i > 0) out += ',';
    out += i == *index ? std::string_view(*inner) : elements[i];
  }
  return out + "]";
}

Result<std::string> replaced(std::string_view json, std::span<const std::string> tokens, std::string_view value) {
  if (tokens.empty()) return std::string(value);
  const auto kind = kind_of(json);
  if (kind == JsonKind::kObject) return replaced_member(json, tokens, value);
  if (kind == JsonKind::kArray) return replaced_element(json, tokens, value);
  return fail(ErrorKind::kInvalid, "there is no '{}' in {}; only objects and lists have something in them",
              printable(tokens[0], kMaxTokenShown), to_string(kind));
}

// An object or a list, taken apart; anything else has no parts.
class Parts {
 public:
  explicit Parts(std::string_view json) {
    const auto kind = kind_of(json);
    if (kind == JsonKind::kObject) members_ = members_of(json);
    if (kind == JsonKind::kArray) elements_ = elements_of(json);
  }

  [[nodiscard]] std::optional<std::string_view> at(const std::string& token) const {
    const auto member = std::ranges::lower_bound(members_, token, {}, &JsonMember::name);
    if (member != members_.end() && member->name == token) return member->value;
    const auto index = elements_.empty() ? std::nullopt : index_of(token);
    return index && *index < elements_.size() ? std::optional(elements_[*index]) : std::nullopt;
  }

 private:
  std::vector<JsonMember> members_;
  std::vector<std::string_view> elements_;
};

// The values below `json`, to which the first `level` tokens of the pointers have led. `order`: these pointers, sorted,
// so that those that go on together stand together.
void find_values(std::string_view json, std::span<const Pointer> pointers, std::span<const std::size_t> order,
                 std::size_t level, std::vector<std::optional<std::string_view>>& values) {
  const auto tokens_of = [&](std::size_t i) -> const std::vector<std::string>& { return pointers[order[i]].tokens; };
  std::size_t at = 0;
  for (; at < order.size() && tokens_of(at).size() == level; ++at) values[order[at]] = json;
  if (at == order.size()) return;
  const Parts parts(json);
  while (at < order.size()) {
    const auto& token = tokens_of(at)[level];
    std::size_t end = at + 1;
    while (end < order.size() && tokens_of(end)[level] == token) ++end;
    if (const auto part = parts.at(token)) {
      find_values(*part, pointers, order.subspan(at, end - at), level + 1, values);
    }
    at = end;
  }
}

}  // namespace

Result<Pointer> parse_name(std::string_view name) {
  if (name.empty()) return fail(ErrorKind::kInvalid, "must not be empty");
  if (name.size() > kMaxNameBytes) {
    return fail(ErrorKind::kInvalid, "must have at most {} bytes, not {}", kMaxNameBytes, name.size());
  }
  if (name[0] != '/') return Pointer{{std::string(name)}};
  Pointer pointer;
  for (std::size_t begin = 1; begin <= name.size();) {
    const std::size_t end = std::min(name.find('/', begin), name.size());
    auto token = unescape(name.substr(begin, end - begin));
    RETURN_IF_ERROR(token);
    pointer.tokens.push_back(*std::move(token));
    begin = end + 1;
  }
  if (pointer.tokens.size() > kMaxPointerDepth) {
    return fail(ErrorKind::kInvalid, "must lead through at most {} levels, not {}", kMaxPointerDepth,
                pointer.tokens.size());
  }
  return pointer;
}

std::string pointer_text(const std::vector<std::string>& tokens) {
  std::string out;
  for (const auto& token : tokens) out += api::full_pointer_token(token);
  return out;
}

std::string name_of(const std::vector<std::string>& tokens) {
  const bool plain = tokens.size() == 1 && !tokens[0].empty() && tokens[0][0] != '/';
  return plain ? tokens[0] : pointer_text(tokens);
}

bool contains(const Pointer& a, const Pointer& b) {
  return a.tokens.size() <= b.tokens.size() && std::equal(a.tokens.begin(), a.tokens.end(), b.tokens.begin());
}

std::optional<std::string_view> value_at(std::string_view json, const Pointer& pointer) {
  return values_at(json, std::span(&pointer, 1)).front();
}

std::vector<std::optional<std::string_view>> values_at(std::string_view json, std::span<const Pointer> pointers) {
  std::vector<std::size_t> order(pointers.size());
  std::iota(order.begin(), order.end(), 0);
  std::ranges::sort(order, {}, [&](std::size_t i) -> const Pointer& { return pointers[i]; });
  std::vector<std::optional<std::string_view>> values(pointers.size());
  find_values(json, pointers, order, 0, values);
  return values;
}

Result<std::string> with_value(std::string_view object, const Pointer& pointer, std::string_view value) {
  return replaced(object, pointer.tokens, value);
}

}  // namespace modelrun::sweep
