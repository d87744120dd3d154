// Writes gzip-compressed tar files; the only files that use libarchive. The format is pax, with extended
// headers only where an entry needs one. Names are written as the bytes that are given, which are UTF-8.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "base/error.h"
#include "source/git/tree.h"

struct archive;  // the handle of libarchive, not modelrun::source::Archive

namespace modelrun::source {

// Writes one file. Equal calls give files of equal bytes: times and owners are 0, the mode is 0644 for plain files and
// 0755 for everything else. Used by one thread at a time; move-only. Errors are kUnavailable when libarchive cannot
// write, and kInternal when it has no memory.
//
// Usage:
//   auto writer = TarWriter::create(path);
//   writer->add("run.py", node);      // for every entry; after a file's add() its node.size bytes:
//   writer->write_data(bytes);
//   writer->close();
class TarWriter {
 public:
  // Creates the file, or empties one that exists.
  static Result<TarWriter> create(const std::filesystem::path& path);
  TarWriter(TarWriter&&) noexcept = default;
  TarWriter& operator=(TarWriter&&) noexcept = default;
  ~TarWriter() = default;

  // Begins an entry. The header of a file announces node.size bytes, which must follow by write_data(). `path` is
  // relative to the root of the tree and is not checked here.
  Result<void> add(const std::string& path, const Node& node);
  // Appends to the file that was added last. kUnavailable when the file would get more than node.size bytes.
  Result<void> write_data(std::string_view bytes);
  // Writes what is buffered and the end of the archive. The file is complete only after close() has succeeded.
  Result<void> close();

 private:
  struct Free {
    void operator()(::archive* handle) const noexcept;
  };
  TarWriter() = default;
  [[nodiscard]] Error last_error(std::string_view what) const;
  std::unique_ptr<::archive, Free> handle_;
};

}  // namespace modelrun::source
