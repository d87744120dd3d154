// Temporary directories, and helpers that write or digest a whole file. In this header every error is own_failure(),
// unless stated otherwise.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "base/error.h"

namespace modelrun::source {

// The error of a system call that failed for a reason of this machine, such as a full disk. It says nothing about the
// source, and so is kUnavailable whatever the errno value is: the same request may succeed later.
[[nodiscard]] Error own_failure(std::string_view what, int error_number);

// A new directory (mode 0700) below a parent. The destructor removes it with everything in it, and ignores errors.
// Move-only; a moved-from object owns no directory.
class ScratchDir {
 public:
  // Makes the directory, and `parent` when it is missing.
  static Result<ScratchDir> make(const std::filesystem::path& parent);
  ScratchDir(ScratchDir&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  ScratchDir& operator=(ScratchDir&& other) noexcept;
  ScratchDir(const ScratchDir&) = delete;
  ScratchDir& operator=(const ScratchDir&) = delete;
  ~ScratchDir() { remove(); }

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  explicit ScratchDir(std::filesystem::path path) : path_(std::move(path)) {}
  void remove() noexcept;
  std::filesystem::path path_;
};

// Writes a new file with mode 0600; fails when `path` exists already. After an error a part of the file may be left.
Result<void> write_file(const std::filesystem::path& path, std::string_view bytes);

struct FileDigest {
  std::string sha256;  // lower-case hex
  std::uint64_t bytes = 0;
  bool operator==(const FileDigest&) const = default;
};
// Reads the whole file. A symlink at `path` is not followed and is an error.
Result<FileDigest> digest_file(const std::filesystem::path& path);

// The last `limit` bytes of a file; empty unless it is a regular one that can be read. Does not follow a symlink, nor
// wait for the writer of a FIFO: git may have made either in place of the file.
std::string read_end(const std::filesystem::path& path, std::size_t limit);

}  // namespace modelrun::source
