#include "source/git/tar_file.h"

#include <archive.h>
#include <archive_entry.h>
#include <sys/stat.h>

namespace modelrun::source {
namespace {

struct FreeEntry {
  void operator()(archive_entry* entry) const noexcept { archive_entry_free(entry); }
};
std::string words_of(::archive* handle) {
  const char* text = archive_error_string(handle);
  return text == nullptr ? "unknown error" : text;
}

void describe(archive_entry* entry, const std::string& path, const Node& node) {
  archive_entry_copy_pathname(entry, path.c_str());
  archive_entry_set_mtime(entry, 0, 0);
  archive_entry_set_uid(entry, 0);
  archive_entry_set_gid(entry, 0);
  archive_entry_set_perm(entry, node.kind == NodeKind::kFile ? 0644 : 0755);
  archive_entry_set_size(entry, 0);
  switch (node.kind) {
    case NodeKind::kDirectory:
      archive_entry_set_filetype(entry, AE_IFDIR);
      break;
    case NodeKind::kSymlink:
      archive_entry_set_filetype(entry, AE_IFLNK);
      archive_entry_copy_symlink(entry, node.target.c_str());
      break;
    case NodeKind::kFile:
    case NodeKind::kExecutable:
      archive_entry_set_filetype(entry, AE_IFREG);
      archive_entry_set_size(entry, static_cast<la_int64_t>(node.size));
      break;
  }
}

}  // namespace

void TarWriter::Free::operator()(::archive* handle) const noexcept {
  archive_write_free(handle);
}

Error TarWriter::last_error(std::string_view what) const {
  return {ErrorKind::kUnavailable, fmt::format("write the archive: {}: {}", what, words_of(handle_.get()))};
}

Result<TarWriter> TarWriter::create(const std::filesystem::path& path) {
  TarWriter writer;
  writer.handle_.reset(archive_write_new());
  ::archive* handle = writer.handle_.get();
  if (handle == nullptr) return fail(ErrorKind::kInternal, "write the archive: libarchive cannot start");
  const bool ready =
      archive_write_set_format_pax_restricted(handle) == ARCHIVE_OK &&
      archive_write_add_filter_gzip(handle) == ARCHIVE_OK &&
      // BINARY writes names as they are, in every locale. Without a gzip time stamp equal trees give equal files.
      archive_write_set_options(handle, "hdrcharset=BINARY,gzip:!timestamp,compression-level=6") == ARCHIVE_OK &&
      archive_write_open_filename(handle, path.c_str()) == ARCHIVE_OK;
  if (!ready) return std::unexpected(writer.last_error("open"));
  return writer;
}

Result<void> TarWriter::add(const std::string& path, const Node& node) {
  const std::unique_ptr<archive_entry, FreeEntry> entry(archive_entry_new());
  if (!entry) return fail(ErrorKind::kInternal, "write the archive: out of memory");
  describe(entry.get(), path, node);
  if (archive_write_header(handle_.get(), entry.get()) != ARCHIVE_OK) return std::unexpected(last_error("header"));
  return {};
}

Result<void> TarWriter::write_data(std::string_view bytes) {
  const la_ssize_t written = archive_write_data(handle_.get(), bytes.data(), bytes.size());
  if (written != static_cast<la_ssize_t>(bytes.size())) return std::unexpected(last_error("data"));
  return {};
}

Result<void> TarWriter::close() {
  if (archive_write_close(handle_.get()) != ARCHIVE_OK) return std::unexpected(last_error("close"));
  return {};
}

}  // namespace modelrun::source
