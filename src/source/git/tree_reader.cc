#include "source/git/tree_reader.h"

#include <charconv>

#include "source/listing.h"

namespace modelrun::source {
namespace {

constexpr std::size_t kMaxLine = 8U << 10U;
constexpr std::uint64_t kMaxTargetBytes = 1024;

std::string_view take_word(std::string_view& text) {
  const std::size_t end = std::min(text.find(' '), text.size());
  const std::string_view word = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return word;
}

double mebibytes(std::uint64_t bytes) {
  return static_cast<double>(bytes) / (1U << 20U);
}

}  // namespace

Result<void> TreeReader::feed(std::string_view bytes) {
  while (!bytes.empty()) {
    const std::size_t end = bytes.find('\0');
    if (rest_.size() + std::min(end, bytes.size()) > kMaxLine) {
      return fail(ErrorKind::kDenied, "the commit is refused: a path in it is longer than 1024 bytes");
    }
    if (end == std::string_view::npos) {
      rest_ += bytes;
      return {};
    }
    rest_ += bytes.substr(0, end);
    bytes.remove_prefix(end + 1);
    RETURN_IF_ERROR(add_line(rest_));
    rest_.clear();
  }
  return {};
}

Result<void> TreeReader::finish() const {
  if (rest_.empty()) return {};
  return fail(ErrorKind::kUnavailable, "git's list of files ended in the middle");
}

// "<mode> <type> <id> <size, padded on the left> TAB <path>"
Result<void> TreeReader::add_line(std::string_view line) {
  const std::size_t tab = line.find('\t');
  if (tab == std::string_view::npos) return fail(ErrorKind::kUnavailable, "git's list of files was not understood");
  std::string_view head = line.substr(0, tab);
  const std::string_view path = line.substr(tab + 1);
  const std::string_view mode = take_word(head);
  const std::string_view type = take_word(head);
  const std::string_view id = take_word(head);
  path_bytes_ += path.size();
  if (path_bytes_ > kMaxListingBytes) {
    return fail(ErrorKind::kTooLarge, "the paths of the commit have more than {:.1f} MiB together, which is the limit",
                mebibytes(kMaxListingBytes));
  }
  if (type == "blob") return add_blob(mode, id, head.substr(std::min(head.find_first_not_of(' '), head.size())), path);
  if (++directories_ > policy_.max_files) {
    return fail(ErrorKind::kTooLarge, "the commit has more than {} directories", policy_.max_files);
  }
  if (type != "tree" && type != "commit") {
    return fail(ErrorKind::kUnavailable, "git's list of files was not understood");
  }
  RETURN_IF_ERROR(tree_.add(std::string(path), Node{NodeKind::kDirectory, 0, {}, {}}));
  if (type == "commit" && submodule_.empty()) submodule_ = path;
  return {};
}

Result<void> TreeReader::add_blob(std::string_view mode, std::string_view id, std::string_view size,
                                  std::string_view path) {
  Node node;
  node.object_id = id;
  const auto [end, error] = std::from_chars(size.data(), size.data() + size.size(), node.size);
  if (error != std::errc{} || end != size.data() + size.size()) {
    return fail(ErrorKind::kUnavailable, "the remote left out the content of {}", printable_path(path));
  }
  if (mode == "120000") {
    node.kind = NodeKind::kSymlink;
    if (node.size == 0 || node.size > kMaxTargetBytes) {
      return fail(ErrorKind::kDenied, "the commit is refused: the symlink {} has an empty or overlong target",
                  printable_path(path));
    }
  } else if (mode == "100755") {
    node.kind = NodeKind::kExecutable;
  }
  if (node.size > policy_.max_file_bytes) {
    return fail(ErrorKind::kTooLarge, "the file {} has {:.1f} MiB; the limit is {:.1f} MiB a file",
                printable_path(path), mebibytes(node.size), mebibytes(policy_.max_file_bytes));
  }
  total_bytes_ += node.size;
  if (total_bytes_ > policy_.max_tree_bytes) {
    return fail(ErrorKind::kTooLarge, "the commit's files have more than {:.1f} MiB together, which is the limit",
                mebibytes(policy_.max_tree_bytes));
  }
  RETURN_IF_ERROR(tree_.add(std::string(path), std::move(node)));
  if (tree_.file_count() > policy_.max_files) {
    return fail(ErrorKind::kTooLarge, "the commit has more than {} files, which is the limit", policy_.max_files);
  }
  return {};
}

}  // namespace modelrun::source
