// The names of a commit's tree and the rules they must keep. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"

namespace modelrun::source {

enum class NodeKind { kFile, kExecutable, kSymlink, kDirectory };

struct Node {
  NodeKind kind = NodeKind::kFile;
  std::uint64_t size = 0;  // of a file
  std::string target;      // of a symlink
  std::string object_id;   // of a file or symlink, while the tree is being fetched; else empty
};

// kDenied, naming the path, unless `path` is safe to create below a directory on any reader's file system: relative,
// no empty, '.', '..' or '.git' part (in any case), no control character or backslash, valid UTF-8, parts of at most
// 255 and in all at most 1,024 bytes.
Result<void> check_tree_path(std::string_view path);

// A path made fit for a message: quoted, control and foreign bytes as \xNN, at most 120 characters.
std::string printable_path(std::string_view path);

// Not thread-safe while it is filled; const methods are.
class Tree {
 public:
  using Nodes = std::map<std::string, Node, std::less<>>;

  // Adds one entry; missing parents are added as directories. kDenied when the path is refused by check_tree_path or
  // stands there already as something else.
  Result<void> add(std::string path, Node node);
  [[nodiscard]] Nodes& nodes() { return nodes_; }
  [[nodiscard]] const Nodes& nodes() const { return nodes_; }
  [[nodiscard]] std::size_t file_count() const { return file_count_; }  // files and symlinks

  // kDenied, naming the first symlink that is absolute or steps out of the tree when it is followed the way a kernel
  // would. Dangling ones and loops that stay inside are let through.
  [[nodiscard]] Result<void> check_symlinks() const;

  // Follow symlinks; false for what is missing, leaves the tree or loops.
  [[nodiscard]] bool is_file(std::string_view path) const;
  [[nodiscard]] bool is_directory(std::string_view path) const;

 private:
  struct Walk;
  [[nodiscard]] Walk walk(std::string_view path) const;
  [[nodiscard]] const Node* find_resolved(std::string_view path) const;

  Nodes nodes_;  // by path without a leading or trailing '/'; the root is not in it
  std::size_t file_count_ = 0;
};

}  // namespace modelrun::source
