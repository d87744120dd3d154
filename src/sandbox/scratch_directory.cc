#include "sandbox/scratch_directory.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string_view>

#include "base/fd.h"

namespace modelrun::sandbox {
namespace {

constexpr mode_t kPermissions = 07777;
constexpr int kOpenDirectory = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;

struct CloseDirectory {
  void operator()(DIR* directory) const { ::closedir(directory); }
};

// Calls `each` with the name of every entry of the open directory but "." and "..". Returns whether there was one.
template <class Each>
Result<bool> for_each_entry(int directory, const Each& each) {
  // A description of its own begins at the first entry.
  const int own = ::openat(directory, ".", kOpenDirectory);
  if (own < 0) return std::unexpected(errno_error("open", errno));
  const std::unique_ptr<DIR, CloseDirectory> stream(::fdopendir(own));
  if (!stream) {
    const int why = errno;
    ::close(own);
    return std::unexpected(errno_error("fdopendir", why));
  }
  bool any = false;
  while (true) {
    errno = 0;
    const dirent* entry = ::readdir(stream.get());
    if (entry == nullptr) break;
    const std::string_view name = entry->d_name;
    if (name == "." || name == "..") continue;
    any = true;
    RETURN_IF_ERROR(each(entry->d_name));
  }
  if (errno != 0) return std::unexpected(errno_error("readdir", errno));
  return any;
}

// Makes the tree flat from its top: a directory that is not empty gives its sub-directories to the top, then it is
// empty. So a tree of any depth is removed with two open directories at a time.
class Remover {
 public:
  explicit Remover(int top) : top_(top) {}

  Result<void> run() {
    while (true) {
      const std::uint64_t before = done_;
      const auto any = for_each_entry(top_, [this](const char* name) { return remove_from_top(name); });
      RETURN_IF_ERROR(any);
      if (!*any) return {};
      if (done_ == before) return fail(ErrorKind::kInternal, "some entries cannot be removed");
    }
  }

 private:
  // Removes the entry unless it is a directory that is not empty; returns false then.
  Result<bool> remove(int directory, const char* name) {
    if (::unlinkat(directory, name, 0) == 0) return counted();
    if (errno == ENOENT) return true;
    // For a directory Linux says EISDIR, and POSIX EPERM.
    if (errno != EISDIR && errno != EPERM) return std::unexpected(errno_error("unlink", errno));
    if (::unlinkat(directory, name, AT_REMOVEDIR) == 0) return counted();
    if (errno == ENOTEMPTY || errno == EEXIST) return false;
    return std::unexpected(errno_error("rmdir", errno));
  }

  bool counted() {
    ++done_;
    return true;
  }

  // A directory that is not empty is no symbolic link, and nobody else is there to make one of it: it may be changed by
  // name.
  static Result<void> open_up(int directory, const char* name) {
    if (::fchmodat(directory, name, S_IRWXU, 0) == 0) return {};
    return std::unexpected(errno_error("chmod", errno));
  }

  Result<void> remove_from_top(const char* name) {
    auto removed = remove(top_, name);
    RETURN_IF_ERROR(removed);
    if (*removed) return {};
    RETURN_IF_ERROR(open_up(top_, name));
    const UniqueFd inner(::openat(top_, name, kOpenDirectory));
    if (!inner) return std::unexpected(errno_error("open", errno));
    RETURN_IF_ERROR(for_each_entry(inner.get(), [&](const char* each) { return lift(inner.get(), each); }));
    // Where readdir has passed an entry over because others were removed, the next round meets it.
    removed = remove(top_, name);
    RETURN_IF_ERROR(removed);
    return {};
  }

  // Removes the entry, or moves it to the top.
  Result<void> lift(int directory, const char* name) {
    const auto removed = remove(directory, name);
    RETURN_IF_ERROR(removed);
    if (*removed) return {};
    // A directory that moves to another parent has to be writable itself: its entry ".." changes.
    RETURN_IF_ERROR(open_up(directory, name));
    while (true) {
      const std::string free = fmt::format(".modelrun-{}", next_++);
      if (::renameat(directory, name, top_, free.c_str()) == 0) break;
      // The model has taken the name. That costs one try for each of its entries.
      if (errno != ENOTEMPTY && errno != EEXIST && errno != ENOTDIR) {
        return std::unexpected(errno_error("rename", errno));
      }
    }
    ++done_;
    return {};
  }

  int top_;
  std::uint64_t done_ = 0;  // entries that were removed or moved up
  std::uint64_t next_ = 0;
};

Result<void> clear_open(const std::string& path, mode_t mode) {
  struct stat info{};
  if (::lstat(path.c_str(), &info) != 0) return std::unexpected(errno_error("stat", errno));
  if (info.st_uid == ::geteuid() && (info.st_mode & kPermissions) != mode && ::chmod(path.c_str(), mode) != 0) {
    return std::unexpected(errno_error("chmod", errno));
  }
  const UniqueFd top(::open(path.c_str(), kOpenDirectory));
  if (!top) return std::unexpected(errno_error("open", errno));
  return Remover(top.get()).run();
}

}  // namespace

std::optional<ScratchDirectory> ScratchDirectory::find(const std::string& path) {
  struct stat info{};
  if (::lstat(path.c_str(), &info) != 0 || !S_ISDIR(info.st_mode)) return std::nullopt;
  return ScratchDirectory(path, info.st_mode & kPermissions);
}

Result<void> ScratchDirectory::clear() const {
  const auto cleared = clear_open(path_, mode_);
  if (cleared) return {};
  return fail(ErrorKind::kInternal, "{} could not be emptied before a point: {}", path_, cleared.error().message);
}

}  // namespace modelrun::sandbox
