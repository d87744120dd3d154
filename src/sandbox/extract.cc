#include "sandbox/extract.h"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <memory>
#include <optional>
#include <vector>

#include "base/encoding.h"
#include "base/fd.h"
#include "sandbox/beneath.h"

namespace modelrun::sandbox {
namespace {

// Gives the body to libarchive piece by piece and computes the digest of everything that is read.
class Input {
 public:
  explicit Input(const BodyReader& body) : body_(body) {}

  static la_ssize_t read(archive* /*unused*/, void* self, const void** buffer) {
    auto* input = static_cast<Input*>(self);
    *buffer = input->buffer_.data();
    return input->next();
  }

  // Reads the rest of the body and returns the digest. Bytes behind the end of the archive are part of the digest.
  Result<std::string> finish() {
    while (next() > 0) {
    }
    if (error_) return std::unexpected(*error_);
    return digest_.hex();
  }

  [[nodiscard]] const std::optional<Error>& error() const { return error_; }

 private:
  la_ssize_t next() {
    if (error_) return -1;
    const auto got = body_(buffer_);
    if (!got) {
      error_ = got.error();
      return -1;
    }
    digest_.add({buffer_.data(), *got});
    return static_cast<la_ssize_t>(*got);
  }

  const BodyReader& body_;
  Sha256 digest_;
  std::array<char, 64U << 10U> buffer_{};
  std::optional<Error> error_;
};

// Writes archive entries below the root directory and creates missing parent directories.
class Tree {
 public:
  explicit Tree(UniqueFd root) : root_(std::move(root)) {}

  Result<void> write(archive* in, archive_entry* entry, const std::string& path) {
    const std::size_t slash = path.rfind('/');
    const std::string parent = slash == std::string::npos ? "." : path.substr(0, slash);
    const std::string name = slash == std::string::npos ? path : path.substr(slash + 1);
    auto directory = make_directories(parent);
    RETURN_IF_ERROR(directory);
    switch (archive_entry_filetype(entry)) {
      case AE_IFDIR: {
        auto made = make_directories(path);
        return made ? Result<void>() : std::unexpected(made.error());
      }
      case AE_IFREG:
        return write_file(in, directory->get(), name, (archive_entry_perm(entry) & 0111) != 0 ? 0755 : 0644);
      case AE_IFLNK:
        return write_link(directory->get(), name, archive_entry_symlink(entry));
      default:
        return fail(ErrorKind::kInvalid, "'{}' is neither a file, a directory nor a symbolic link", path);
    }
  }

 private:
  Result<UniqueFd> make_directories(const std::string& path) {
    auto found = open_beneath(root_.get(), path, O_PATH | O_DIRECTORY);
    if (found) return found;
    UniqueFd directory;
    for (std::size_t from = 0; from != std::string::npos;) {
      const std::size_t slash = path.find('/', from);
      const std::string part = path.substr(from, slash == std::string::npos ? slash : slash - from);
      const int parent = directory ? directory.get() : root_.get();
      if (::mkdirat(parent, part.c_str(), 0755) != 0 && errno != EEXIST) {
        return std::unexpected(errno_error("mkdir " + path, errno));
      }
      auto next = open_beneath(parent, part, O_PATH | O_DIRECTORY);
      if (!next) return next;
      directory = *std::move(next);
      from = slash == std::string::npos ? slash : slash + 1;
    }
    return directory;
  }

  static Result<void> write_file(archive* in, int directory, const std::string& name, mode_t mode) {
    ::unlinkat(directory, name.c_str(), 0);
    const UniqueFd file(::openat(directory, name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode));
    if (!file) return std::unexpected(errno_error("create " + name, errno));
    if (archive_read_data_into_fd(in, file.get()) != ARCHIVE_OK) {
      const int error = archive_errno(in);
      if (error == ENOSPC || error == EDQUOT || error == EFBIG) {
        return std::unexpected(errno_error("write " + name, error));
      }
      return fail(ErrorKind::kInvalid, "write {}: {}", name,
                  archive_error_string(in) ? archive_error_string(in) : "cut");
    }
    return {};
  }

  static Result<void> write_link(int directory, const std::string& name, const char* target) {
    if (target == nullptr) return fail(ErrorKind::kInvalid, "'{}' is a link to nowhere", name);
    ::unlinkat(directory, name.c_str(), 0);
    if (::symlinkat(target, directory, name.c_str()) != 0) return std::unexpected(errno_error("link " + name, errno));
    return {};
  }

  UniqueFd root_;
};

// Normalises a path: "./a//b/" becomes "a/b" and the root itself becomes "". Returns nullopt for a path that is
// absolute or contains "..".
std::optional<std::string> clean_path(std::string_view raw) {
  if (raw.starts_with('/')) return std::nullopt;
  std::string out;
  while (!raw.empty()) {
    const std::size_t slash = raw.find('/');
    const std::string_view part = raw.substr(0, slash);
    raw.remove_prefix(slash == std::string_view::npos ? raw.size() : slash + 1);
    if (part == "..") return std::nullopt;
    if (part.empty() || part == ".") continue;
    if (!out.empty()) out += '/';
    out += part;
  }
  return out;
}

struct ArchiveDeleter {
  void operator()(archive* in) const { archive_read_free(in); }
};

// The error of an entry, for the caller of extract_source(), which says what becomes of a full disk.
Error of_entry(const Error& error) {
  if (error.kind != ErrorKind::kTooLarge) return fail_in("source archive", error).error();
  return {ErrorKind::kInternal, fmt::format("source archive: {}; the node has no room for the source", error.message)};
}

Result<std::uint64_t> extract_entries(archive* in, Tree& tree) {
  std::uint64_t count = 0;
  archive_entry* entry = nullptr;
  while (true) {
    const int result = archive_read_next_header(in, &entry);
    if (result == ARCHIVE_EOF) return count;
    if (result < ARCHIVE_WARN) {
      return fail(ErrorKind::kInvalid, "source archive: {}",
                  archive_error_string(in) ? archive_error_string(in) : "cut");
    }
    const char* raw = archive_entry_pathname(entry);
    const auto path = clean_path(raw == nullptr ? "/" : raw);
    if (!path) return fail(ErrorKind::kInvalid, "source archive: the path '{}' leaves the tree", raw ? raw : "");
    if (path->empty()) continue;
    if (archive_entry_hardlink(entry) != nullptr)
      return fail(ErrorKind::kInvalid, "source archive: hard link '{}'", *path);
    if (auto written = tree.write(in, entry, *path); !written) return std::unexpected(of_entry(written.error()));
    ++count;
  }
}

}  // namespace

Result<Extracted> extract_source(const BodyReader& body, const std::string& root) {
  UniqueFd directory(::open(root.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!directory) return std::unexpected(errno_error("open " + root, errno));
  const std::unique_ptr<archive, ArchiveDeleter> in(archive_read_new());
  archive_read_support_filter_gzip(in.get());
  archive_read_support_format_tar(in.get());
  Input input(body);
  Tree tree(std::move(directory));
  const bool opened = archive_read_open2(in.get(), &input, nullptr, &Input::read, nullptr, nullptr) == ARCHIVE_OK;
  const auto files =
      opened ? extract_entries(in.get(), tree)
             : Result<std::uint64_t>(fail(ErrorKind::kInvalid, "source archive: not a gzip-compressed tar"));
  // If the body failed, that is the cause, and libarchive's error is only the consequence.
  if (input.error()) return std::unexpected(*input.error());
  RETURN_IF_ERROR(files);
  auto digest = input.finish();
  RETURN_IF_ERROR(digest);
  return Extracted{*std::move(digest), *files};
}

Result<void> empty_directory(const std::string& root) {
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(root, error)) {
    std::filesystem::remove_all(entry.path(), error);
    if (error) break;
  }
  if (error) return fail(ErrorKind::kInternal, "empty {}: {}", root, error.message());
  return {};
}

}  // namespace modelrun::sandbox
