// Directories of limited life, and whole files.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "base/error.h"

namespace modelrun::source {

// A new directory (mode 0700) below a parent, removed with everything in it when the owner goes. Move-only.
class ScratchDir {
 public:
  // Makes `parent` too when it is missing.
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

// Writes a new file with mode 0600.
Result<void> write_file(const std::filesystem::path& path, std::string_view bytes);

struct FileDigest {
  std::string sha256;  // lower-case hex
  std::uint64_t bytes = 0;
};
Result<FileDigest> digest_file(const std::filesystem::path& path);

}  // namespace modelrun::source
