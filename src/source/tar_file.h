// Gzip-compressed tar files by libarchive (its only user). The format is pax, with extended headers only for names that
// need them; names are bytes of UTF-8.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "base/error.h"
#include "source/tree.h"

struct archive;  // libarchive's handle; not ours

namespace modelrun::source {

// Writes one file. Equal calls give equal bytes: times and owners are 0, modes 0644 and 0755 (directories 0755).
class TarWriter {
 public:
  static Result<TarWriter> create(const std::filesystem::path& path);
  TarWriter(TarWriter&&) noexcept = default;
  TarWriter& operator=(TarWriter&&) noexcept = default;
  ~TarWriter() = default;

  // A file's header promises node.size bytes, to be given by write_data.
  Result<void> add(const std::string& path, const Node& node);
  Result<void> write_data(std::string_view bytes);
  // Without it the file is not complete.
  Result<void> close();

 private:
  struct Free {
    void operator()(::archive* handle) const noexcept;
  };
  TarWriter() = default;
  [[nodiscard]] Error last_error(std::string_view what) const;
  std::unique_ptr<::archive, Free> handle_;
};

// The names in a file that TarWriter wrote.
Result<Tree> read_tar_tree(const std::filesystem::path& path);

}  // namespace modelrun::source
