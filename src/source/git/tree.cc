#include "source/git/tree.h"

#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <vector>

#include "base/encoding.h"
#include "base/text.h"

namespace modelrun::source {
namespace {

constexpr std::size_t kMaxPathBytes = 1024;
constexpr std::size_t kMaxPartBytes = 255;
constexpr int kMaxLinks = 40;  // as Linux (path_resolution(7))
// For all symlinks of a tree together. Without this limit, chains of long symlinks could take seconds of CPU time.
constexpr std::size_t kMaxLinkSteps = 1'000'000;

std::vector<std::string> split(std::string_view path) {
  const auto parts = split_at(path, '/');
  return {parts.begin(), parts.end()};
}

bool is_dot_git(std::string_view part) {
  return equal_ignoring_case(part, ".git");
}

std::string_view fault_of_path(std::string_view path) {
  if (path.empty()) return "has no name";
  if (path.size() > kMaxPathBytes) return "is longer than 1024 bytes";
  if (has_control(path)) return "has a control character in its name";
  if (path.find('\\') != std::string_view::npos) return "has a backslash in its name";
  if (make_valid_utf8(path) != path) return "has a name that is not UTF-8";
  for (const std::string& part : split(path)) {
    if (part.empty()) return "has an empty part in its path";
    if (part == "." || part == "..") return "has '.' or '..' in its path";
    if (is_dot_git(part)) return "has '.git' in its path";
    if (part.size() > kMaxPartBytes) return "has a part longer than 255 bytes";
  }
  return {};
}

}  // namespace

std::string printable_path(std::string_view path) {
  std::string text = "'";
  for (const char c : path) {
    if (text.size() > 116) {
      text += "…";
      break;
    }
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte >= 0x7f || c == '\'') {
      text += fmt::format("\\x{:02x}", byte);
    } else {
      text += c;
    }
  }
  return text + "'";
}

Result<void> check_tree_path(std::string_view path) {
  const auto fault = fault_of_path(path);
  if (fault.empty()) return {};
  return fail(ErrorKind::kDenied, "the commit is refused: {} {}", printable_path(path), fault);
}

// NOLINTNEXTLINE(performance-unnecessary-value-param): it is moved on
Result<void> Tree::add(std::string path, Node node) {
  RETURN_IF_ERROR(check_tree_path(path));
  for (std::size_t slash = path.find('/'); slash != std::string::npos; slash = path.find('/', slash + 1)) {
    const auto [parent, added] = nodes_.try_emplace(path.substr(0, slash), Node{NodeKind::kDirectory, 0, {}, {}});
    if (parent->second.kind != NodeKind::kDirectory) {
      return fail(ErrorKind::kDenied, "the commit is refused: {} lies below something that is not a directory",
                  printable_path(path));
    }
  }
  const bool directory = node.kind == NodeKind::kDirectory;
  const auto [entry, added] = nodes_.try_emplace(std::move(path), std::move(node));
  if (!added && (!directory || entry->second.kind != NodeKind::kDirectory)) {
    return fail(ErrorKind::kDenied, "the commit is refused: it has {} twice", printable_path(entry->first));
  }
  if (added && !directory) ++file_count_;
  return {};
}

// The result of following a path as a kernel does.
struct Tree::Walk {
  enum class End { kFound, kMissing, kOutside, kLoop };
  End end = End::kFound;
  std::string path;       // of the node that was found; empty for the root
  std::size_t steps = 0;  // how many parts of paths were looked at
};

namespace {
void append_part(std::string& path, std::string_view part) {
  if (!path.empty()) path += '/';
  path += part;
}
void drop_last_part(std::string& path) {
  const std::size_t slash = path.rfind('/');
  path.resize(slash == std::string::npos ? 0 : slash);
}
}  // namespace

Tree::Walk Tree::walk(std::string_view path) const {
  using End = Walk::End;
  if (path.starts_with('/')) return {End::kOutside, {}, 0};
  const auto first = split(path);
  std::deque<std::string> todo(first.begin(), first.end());
  Walk at;
  int links = 0;
  while (!todo.empty()) {
    const std::string part = std::move(todo.front());
    todo.pop_front();
    ++at.steps;
    if (part.empty() || part == ".") continue;
    if (part == "..") {
      // The walk goes on below a missing node too: whoever reads the archive may have something at that path.
      if (at.path.empty()) return {End::kOutside, {}, at.steps};
      drop_last_part(at.path);
      continue;
    }
    append_part(at.path, part);
    const auto node = nodes_.find(at.path);
    if (node != nodes_.end() && node->second.kind == NodeKind::kSymlink) {
      if (++links > kMaxLinks) return {End::kLoop, {}, at.steps};
      if (node->second.target.starts_with('/')) return {End::kOutside, {}, at.steps};
      drop_last_part(at.path);
      const auto target = split(node->second.target);
      todo.insert(todo.begin(), target.begin(), target.end());
    } else if (node == nodes_.end() || (node->second.kind != NodeKind::kDirectory && !todo.empty())) {
      at.end = End::kMissing;
    }
  }
  return at;
}

Result<void> Tree::check_symlinks() const {
  std::size_t steps = 0;
  for (const auto& [path, node] : nodes_) {
    if (node.kind != NodeKind::kSymlink) continue;
    const Walk walked = walk(path);
    steps += walked.steps;
    if (steps > kMaxLinkSteps) return fail(ErrorKind::kTooLarge, "the commit's symlinks lead through too many others");
    if (walked.end != Walk::End::kOutside) continue;
    return fail(ErrorKind::kDenied, "the commit is refused: the symlink {} leads out of the repository, to {}",
                printable_path(path), printable_path(node.target));
  }
  return {};
}

Tree::Target Tree::follow(std::string_view path) const {
  const Walk end = walk(path);
  if (end.end != Walk::End::kFound) return {};
  if (end.path.empty()) return {.is_file = false, .directory = ""};
  const auto node = nodes_.find(end.path);
  if (node == nodes_.end()) return {};
  if (node->second.kind == NodeKind::kDirectory) return {.is_file = false, .directory = end.path};
  return {.is_file = node->second.kind != NodeKind::kSymlink, .directory = {}};
}

}  // namespace modelrun::source
