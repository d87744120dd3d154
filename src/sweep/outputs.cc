#include "sweep/outputs.h"

#include <algorithm>
#include <iterator>
#include <set>
#include <unordered_set>
#include <utility>

#include "api/text_builder.h"
#include "base/printable.h"
#include "sweep/exact_json.h"
#include "sweep/pointer.h"

namespace modelrun::sweep {
namespace {

std::size_t depth_of(std::string_view name) {
  return name.starts_with('/') ? static_cast<std::size_t>(std::ranges::count(name, '/')) : 1;
}

// The characters of a name, one after the other, as numbers in whose order names of equal depth stand in the table: the
// end of a key comes before each of its characters. Makes nothing, because it is asked for each pair that is compared.
class NameReader {
 public:
  static constexpr int kEnd = 0;  // of a key; of the last one again and again

  explicit NameReader(std::string_view name) : rest_(name), is_pointer_(name.starts_with('/')) {
    if (is_pointer_) rest_.remove_prefix(1);
  }

  [[nodiscard]] bool done() const { return rest_.empty(); }
  int next() {
    if (rest_.empty()) return kEnd;
    char c = take();
    if (is_pointer_ && c == '/') return kEnd;
    if (is_pointer_ && c == '~' && !rest_.empty()) c = take() == '0' ? '~' : '/';
    return static_cast<unsigned char>(c) + 1;
  }

 private:
  char take() {
    const char c = rest_.front();
    rest_.remove_prefix(1);
    return c;
  }

  std::string_view rest_;
  bool is_pointer_;
};

// The order of columns.
bool column_before(std::string_view a, std::string_view b) {
  const auto depth = depth_of(a), other = depth_of(b);
  if (depth != other) return depth < other;
  NameReader left(a), right(b);
  while (!left.done() || !right.done()) {
    const int x = left.next(), y = right.next();
    if (x != y) return x < y;
  }
  return false;
}

// Collects the first kMaxColumns outputs. It looks at one level after the other, which is the order of columns, so that
// what is too much need not be named. The text of an object is read once for each level above it, of which there are at
// most kMaxPointerDepth.
class Walk {
 public:
  explicit Walk(std::string_view outputs) { objects_.push_back({outputs, {}, true}); }

  PointOutputs run() {
    for (std::size_t depth = 1; !objects_.empty() && !done(); ++depth) {
      for (const auto& object : std::exchange(objects_, {})) {
        if (done()) break;
        look(object, depth);
      }
    }
    return std::move(found_);
  }

 private:
  struct Object {
    std::string_view text;
    std::string pointer;
    bool has_name = true;  // false: the pointer is longer than a name may be, and is not kept
  };

  [[nodiscard]] bool done() const { return found_.more && found_.outputs.size() == kMaxColumns; }

  void look(const Object& object, std::size_t depth) {
    for (const auto& member : members_of(object.text)) {
      const auto kind = kind_of(member.value);
      if (kind == JsonKind::kObject) {
        descend(object, member, depth);
      } else if (kind == JsonKind::kNumber || kind == JsonKind::kBoolean) {
        add(object, member);
      }
      if (done()) return;
    }
  }

  void descend(const Object& from, const JsonMember& member, std::size_t depth) {
    if (depth >= kMaxPointerDepth) {
      found_.more = true;
      return;
    }
    Object object{member.value, {}, from.has_name && member.name.size() <= kMaxNameBytes};
    if (object.has_name) object.pointer = from.pointer + api::full_pointer_token(member.name);
    object.has_name = object.has_name && object.pointer.size() <= kMaxNameBytes;
    if (!object.has_name) object.pointer.clear();
    objects_.push_back(std::move(object));
  }

  void add(const Object& object, const JsonMember& member) {
    if (!object.has_name || member.name.size() > kMaxNameBytes || found_.outputs.size() == kMaxColumns) {
      found_.more = true;
      return;
    }
    auto name = object.pointer.empty() ? name_of({member.name}) : object.pointer + api::full_pointer_token(member.name);
    if (name.size() > kMaxNameBytes) {
      found_.more = true;
      return;
    }
    found_.outputs.push_back({std::move(name), std::string(member.value)});
  }

  std::vector<Object> objects_;  // of the level that comes next, in the order of their keys
  PointOutputs found_;
};

PointOutputs wanted_of(std::string_view outputs, const std::vector<std::string>& wanted) {
  PointOutputs out;
  std::vector<Pointer> pointers;
  pointers.reserve(wanted.size());
  for (const auto& name : wanted) pointers.push_back(parse_name(name).value_or(Pointer{{name}}));
  const auto values = values_at(outputs, pointers);
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    const auto& found = values[i];
    const bool fits = !found || found->size() <= kMaxOutputBytes;
    if (!fits) out.more = true;
    out.outputs.push_back({wanted[i], found && fits ? std::string(*found) : std::string()});
  }
  return out;
}

}  // namespace

Result<void> check_outputs(const std::vector<std::string>& wanted) {
  if (wanted.size() > kMaxColumns) {
    return fail(ErrorKind::kTooLarge, "outputs: must have at most {} elements, not {}", kMaxColumns, wanted.size());
  }
  std::set<std::vector<std::string>> seen;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    const auto pointer = parse_name(wanted[i]);
    if (!pointer) return fail_in(fmt::format("outputs[{}]", i), pointer.error());
    if (!seen.insert(pointer->tokens).second) {
      return fail(ErrorKind::kInvalid, "outputs[{}]: '{}' is there twice: leave one of them out", i,
                  printable(wanted[i], 64));
    }
  }
  return {};
}

PointOutputs outputs_of(const api::JsonText& outputs, const std::vector<std::string>& wanted) {
  if (!wanted.empty()) return wanted_of(outputs.text(), wanted);
  return kind_of(outputs.text()) == JsonKind::kObject ? Walk(outputs.text()).run() : PointOutputs{};
}

Columns columns_of(const std::vector<PointOutputs>& points, const std::vector<std::string>& wanted) {
  Columns columns{wanted, false};
  std::set<std::string, decltype(&column_before)> names(&column_before);
  std::unordered_set<std::string_view> known;  // the names in `names`, quicker to look up: most points have the same
  for (const auto& point : points) {
    columns.more |= point.more;
    if (!wanted.empty()) continue;
    for (const auto& output : point.outputs) {
      if (known.contains(output.name)) continue;
      if (names.size() == kMaxColumns && !column_before(output.name, *names.rbegin())) {
        columns.more = true;
        continue;
      }
      known.insert(*names.insert(output.name).first);
      if (names.size() <= kMaxColumns) continue;
      known.erase(*std::prev(names.end()));
      names.erase(std::prev(names.end()));
      columns.more = true;
    }
  }
  if (wanted.empty()) columns.names.assign(names.begin(), names.end());
  return columns;
}

std::optional<double> number_in(std::string_view value) {
  if (value == "true") return 1;
  if (value == "false") return 0;
  if (value.empty() || kind_of(value) != JsonKind::kNumber) return std::nullopt;
  return to_double(value);
}

}  // namespace modelrun::sweep
