#include "source/files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <memory>
#include <system_error>
#include <vector>

#include "base/encoding.h"
#include "base/fd.h"

namespace modelrun::source {

namespace fs = std::filesystem;

Error own_failure(std::string_view what, int error_number) {
  return {ErrorKind::kUnavailable, errno_error(what, error_number).message};
}

Result<ScratchDir> ScratchDir::make(const fs::path& parent) {
  std::error_code error;
  fs::create_directories(parent, error);
  if (error) return std::unexpected(own_failure("make the directory " + parent.string(), error.value()));
  std::string pattern = (parent / "XXXXXX").string();
  if (::mkdtemp(pattern.data()) == nullptr) {
    return std::unexpected(own_failure("make a directory in " + parent.string(), errno));
  }
  return ScratchDir(fs::path(pattern));
}

ScratchDir& ScratchDir::operator=(ScratchDir&& other) noexcept {
  if (this != &other) {
    remove();
    path_ = std::exchange(other.path_, {});
  }
  return *this;
}

void ScratchDir::remove() noexcept {
  if (path_.empty()) return;
  std::error_code ignored;
  fs::remove_all(path_, ignored);
  path_.clear();
}

Result<void> write_file(const fs::path& path, std::string_view bytes) {
  const UniqueFd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!file) return std::unexpected(own_failure("make " + path.string(), errno));
  while (!bytes.empty()) {
    const ssize_t written = ::write(file.get(), bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return std::unexpected(own_failure("write " + path.string(), errno));
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return {};
}

Result<FileDigest> digest_file(const fs::path& path) {
  const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!file) return std::unexpected(own_failure("open " + path.string(), errno));
  Sha256 digest;
  FileDigest result;
  std::vector<char> buffer(std::size_t{64} << 10U);
  for (;;) {
    const ssize_t got = ::read(file.get(), buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return std::unexpected(own_failure("read " + path.string(), errno));
    if (got == 0) break;
    digest.add({buffer.data(), static_cast<std::size_t>(got)});
    result.bytes += static_cast<std::uint64_t>(got);
  }
  result.sha256 = digest.hex();
  return result;
}

std::string read_end(const fs::path& path, std::size_t limit) {
  const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  struct stat found{};
  if (!file || ::fstat(file.get(), &found) != 0 || !S_ISREG(found.st_mode)) return {};
  const auto size = static_cast<std::size_t>(found.st_size);
  std::string text(std::min(size, limit), '\0');
  std::size_t filled = 0;
  while (filled < text.size()) {
    const ssize_t got = ::pread(file.get(), text.data() + filled, text.size() - filled,
                                static_cast<off_t>(size - text.size() + filled));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    filled += static_cast<std::size_t>(got);
  }
  text.resize(filled);
  return text;
}

}  // namespace modelrun::source
