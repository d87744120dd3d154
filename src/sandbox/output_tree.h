// Reads the directory that the model writes its outputs to. The directory is not trusted: whatever the model puts
// there, reading does not hang, does not follow links, does not leave the directory, and does not hold more than the
// limits.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/fd.h"

namespace modelrun::sandbox {

// Returns printable(text), and behind it `ending`, which is never cut off, in at most `limit` bytes together. Pure.
std::string printable_with(std::string_view text, const std::string& ending, std::size_t limit);

// Collects sentences for people. Keeps the first eight and counts the others. Not thread-safe.
class Warnings {
 public:
  void add(std::string text);
  // Returns all sentences, separated by "; ", and then the count of those that were not kept: at most 1024 bytes, of
  // which the count is never cut off. Printable. Empty when there is none.
  [[nodiscard]] std::string text() const;

 private:
  std::vector<std::string> texts_;
  std::size_t more_ = 0;
};

struct OutputFile {
  std::string path;        // relative to the tree's root; valid UTF-8 without control characters
  std::uint64_t size = 0;  // bytes, when it was listed
};

struct WalkLimits {
  int depth = 8;                       // levels of directories, the first one included
  std::size_t entries = 20'000;        // directory entries of any type
  std::size_t name_bytes = 1U << 20U;  // of the paths that are kept, together
};

struct Listing {
  std::vector<OutputFile> files;
  // A limit of entries or names was reached where files define outputs: in the directory that was listed or, with
  // `below`, anywhere. A limit that was reached elsewhere is only a warning.
  bool outputs_cut = false;
  // A file may be missing here, and a warning says why: a limit was reached, a directory cannot be read, a name cannot
  // be shown, or a file is a hard link. Symbolic links, sockets, FIFOs and devices are no files.
  bool cut = false;
};

// An open directory tree. Not thread-safe.
class OutputTree {
 public:
  // Opens the directory `root`, which must not be a symbolic link. Fails with the errno as errno_error() maps it.
  static Result<OutputTree> open(const std::string& root);

  // Returns the regular files of the tree, sorted by path. Everything else is passed over with a warning: symbolic
  // links, files with more than one hard link, FIFOs, devices, sockets, names that are not UTF-8 or have control
  // characters, paths above 512 bytes, and what exceeds `limits`. `.modelrun` at the top is left out without a
  // warning. With `below`, returns only the files below that directory, whose paths still begin at the root; `limits`
  // then counts from there, and it may be missing. A directory that cannot be read is a warning too.
  [[nodiscard]] Listing list(const WalkLimits& limits, Warnings& warnings, const std::string& below = {}) const;

  // Opens a file of the tree for reading. Does not block, whatever `path` is. Sets `*size` to its size in bytes on
  // success. Fails with kNotFound when it does not exist, and with kInvalid when it is a directory, FIFO or device, has
  // more than one hard link, or is on another file system than the root. A symbolic link or socket fails with another
  // kind (see open_beneath()).
  [[nodiscard]] Result<UniqueFd> open_file(const std::string& path, std::uint64_t* size = nullptr) const;

  // Reads a whole file of the tree. Fails with kTooLarge when it holds more than `limit` bytes, and as open_file()
  // does.
  [[nodiscard]] Result<std::string> read(const std::string& path, std::size_t limit) const;

 private:
  OutputTree() = default;

  UniqueFd root_;
  unsigned long device_ = 0;
};

}  // namespace modelrun::sandbox
