#include "sandbox/install.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <harness_files.h>  // made of the harness when it is built
#include <poll.h>
#include <sys/inotify.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "sandbox/io.h"

namespace modelrun::sandbox {

std::string_view harness_text() {
  return harness_files().front().bytes;
}

namespace {

Result<void> copy_file(const UniqueFd& from, const UniqueFd& to, std::size_t size) {
  while (size > 0) {
    const ssize_t moved = ::sendfile(to.get(), from.get(), nullptr, size);
    if (moved < 0 && errno == EINTR) continue;
    if (moved <= 0) return std::unexpected(errno_error("copy", moved == 0 ? EIO : errno));
    size -= static_cast<std::size_t>(moved);
  }
  return {};
}

Result<void> install_self(const std::string& target) {
  const UniqueFd self(::open("/proc/self/exe", O_RDONLY | O_CLOEXEC));
  if (!self) return std::unexpected(errno_error("open /proc/self/exe", errno));
  struct stat info{};
  if (::fstat(self.get(), &info) != 0) return std::unexpected(errno_error("stat /proc/self/exe", errno));
  const std::string temporary = target + ".new";
  ::unlink(temporary.c_str());
  {
    const UniqueFd copy(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0700));
    if (!copy) return std::unexpected(errno_error("create " + temporary, errno));
    RETURN_IF_ERROR(copy_file(self, copy, static_cast<std::size_t>(info.st_size)));
    if (::fchmod(copy.get(), 0555) != 0) return std::unexpected(errno_error("chmod " + temporary, errno));
  }
  if (::rename(temporary.c_str(), target.c_str()) != 0) return std::unexpected(errno_error("rename " + target, errno));
  return {};
}

// Creates the file in a directory without permissions, so that nobody but root can reach it; api::kModelTerminationLog
// says why.
Result<void> make_sealed_log(const std::string& path) {
  const std::string directory = path.substr(0, path.rfind('/'));
  if (::mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST) {
    return std::unexpected(errno_error("mkdir " + directory, errno));
  }
  if (::chmod(directory.c_str(), 0700) != 0) return std::unexpected(errno_error("chmod " + directory, errno));
  const UniqueFd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  if (!file) return std::unexpected(errno_error("create " + path, errno));
  if (::chmod(directory.c_str(), 0) != 0) return std::unexpected(errno_error("chmod " + directory, errno));
  return {};
}

}  // namespace

Result<void> write_harness(const std::string& directory) {
  for (const EmbeddedFile& file : harness_files()) {
    RETURN_IF_ERROR(write_file_atomically(fmt::format("{}/{}", directory, file.name), file.bytes, 0444));
  }
  return {};
}

Result<void> install_files(const Layout& layout) {
  RETURN_IF_ERROR(install_self(layout.at(api::kInstalledBinary)));
  RETURN_IF_ERROR(write_harness(layout.at(api::kAgentDir)));
  return make_sealed_log(layout.at(api::kModelTerminationLog));
}

Result<void> write_marker(const Layout& layout, std::string_view socket) {
  return write_file_atomically(layout.at(api::kInstalledMarker), socket, 0444);
}

Result<void> await_installed(const Layout& layout, std::chrono::milliseconds timeout) {
  const auto deadline = Monotonic::now() + timeout;
  const std::string marker = layout.at(api::kInstalledMarker);
  const UniqueFd watch(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  const bool watching = watch && ::inotify_add_watch(watch.get(), layout.at(api::kAgentDir).c_str(), IN_MOVED_TO) >= 0;
  while (::access(marker.c_str(), F_OK) != 0) {
    if (Monotonic::now() >= deadline) return fail(ErrorKind::kTimeout, "the agent did not install itself in time");
    // Without inotify, for example when the directory does not exist yet, look every millisecond.
    if (!watching) {
      ::poll(nullptr, 0, 1);
      continue;
    }
    pollfd ready{watch.get(), POLLIN, 0};
    if (::poll(&ready, 1, poll_timeout(deadline)) > 0) {
      alignas(inotify_event) std::array<char, 4096> events;
      (void)!::read(watch.get(), events.data(), events.size());
    }
  }
  return {};
}

}  // namespace modelrun::sandbox
