// The names in the tree of a commit, and the rules that they must keep. Pure.
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
  std::uint64_t size = 0;  // bytes of a file; for a symlink the size of its blob while the tree is being fetched
  std::string target;      // of a symlink
  std::string object_id;   // of the blob of a file or symlink while the tree is being fetched; else empty
};

// kDenied, with the path in the message, unless `path` is safe to create below a directory. It must be relative and
// valid UTF-8, and have at most 1,024 bytes. No part may be empty, '.', '..' or '.git' (in any case) or longer than
// 255 bytes, and no character may be a control character or a backslash.
Result<void> check_tree_path(std::string_view path);

// Makes a path fit for a message: puts it in single quotes, writes quotes, control characters and bytes that are not
// ASCII as \xNN, and cuts a long path, marked by "…". The result has at most 122 characters.
std::string printable_path(std::string_view path);

// Const methods may be called by several threads at the same time, other methods by one thread alone.
class Tree {
 public:
  using Nodes = std::map<std::string, Node, std::less<>>;

  // Adds one entry, and its missing parents as directories. kDenied when check_tree_path() refuses the path, when a
  // parent is not a directory, or when the path exists already; adding a directory again is allowed.
  Result<void> add(std::string path, Node node);
  // Sorted by path. A caller may change the nodes' sizes, targets and object ids, but not add or remove nodes.
  [[nodiscard]] Nodes& nodes() { return nodes_; }
  [[nodiscard]] const Nodes& nodes() const { return nodes_; }
  [[nodiscard]] std::size_t file_count() const { return file_count_; }  // files and symlinks

  // kDenied, with its path in the message, for the first symlink that is absolute or leads out of the tree when it is
  // followed as a kernel does. Dangling symlinks and loops that stay inside the tree are allowed. kTooLarge when
  // following all symlinks takes too many steps.
  [[nodiscard]] Result<void> check_symlinks() const;

  // What a symlink leads to: a file, or a directory whose path is returned (the root is the empty path). Neither for a
  // path that is missing, leads out of the tree or ends in a loop.
  struct Target {
    bool is_file = false;
    std::optional<std::string> directory;
  };
  [[nodiscard]] Target follow(std::string_view path) const;

 private:
  struct Walk;
  [[nodiscard]] Walk walk(std::string_view path) const;

  Nodes nodes_;  // by path without a leading or trailing '/'; the root is not in it
  std::size_t file_count_ = 0;
};

}  // namespace modelrun::source
