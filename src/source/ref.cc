#include "source/ref.h"

#include <algorithm>

namespace modelrun::source {
namespace {

constexpr std::size_t kMaxBranchBytes = 250;

bool is_hex(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

bool is_forbidden(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte <= 0x20 || byte == 0x7f || std::string_view("~^:?*[\\").find(c) != std::string_view::npos;
}

// Says what is wrong with one part of a branch name (parts are separated by slashes). Empty when nothing is wrong.
std::string_view fault_of_part(std::string_view part) {
  if (part.empty()) return "has an empty part (a slash at the start, the end, or two in a row)";
  if (part.front() == '.') return "has a part that begins with '.'";
  if (part.ends_with(".lock")) return "has a part that ends with '.lock'";
  return {};
}

std::string_view fault_of_branch(std::string_view branch) {
  if (branch.empty()) return "is empty";
  if (branch.size() > kMaxBranchBytes) return "is longer than 250 bytes";
  if (branch.front() == '-') return "begins with '-'";
  if (branch == "@" || branch == "HEAD") return "is not the name of a branch";
  if (std::ranges::any_of(branch, is_forbidden)) {
    return "holds a space, a control character or one of ~ ^ : ? * [ and backslash";
  }
  if (branch.find("..") != std::string_view::npos) return "holds '..'";
  if (branch.find("@{") != std::string_view::npos) return "holds '@{'";
  if (branch.back() == '.') return "ends with '.'";
  for (std::size_t begin = 0; begin <= branch.size();) {
    const std::size_t end = std::min(branch.find('/', begin), branch.size());
    if (const auto fault = fault_of_part(branch.substr(begin, end - begin)); !fault.empty()) return fault;
    begin = end + 1;
  }
  return {};
}

}  // namespace

Result<void> check_branch(std::string_view branch) {
  const auto fault = fault_of_branch(branch);
  if (fault.empty()) return {};
  // The name is not repeated in the message, because it may contain anything.
  return fail(ErrorKind::kInvalid, "the branch name {}", fault);
}

bool is_commit(std::string_view text) {
  return (text.size() == 40 || text.size() == 64) && std::ranges::all_of(text, is_hex);
}

Result<void> check_commit(std::string_view commit) {
  if (is_commit(commit)) return {};
  return fail(ErrorKind::kInvalid, "a commit is given as its full id: 40 or 64 hex digits");
}

}  // namespace modelrun::source
