#include "sandbox/io.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdint>

#include "base/printable.h"
#include "sandbox/note.h"

namespace modelrun::sandbox {
namespace {

constexpr std::size_t kMaxNoteBytes = 4096;

}  // namespace

void write_note(std::string_view text) {
  const std::string line = fmt::format("modelrun-sandbox: {}\n", printable(text, kMaxNoteBytes));
  // A run must not fail because its log cannot be written to.
  (void)write_all(STDERR_FILENO, line);
}

Result<std::string> read_small_file(const std::string& path, std::size_t limit) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return std::unexpected(errno_error("open " + path, errno));
  std::string text;
  std::array<char, 4096> chunk{};
  while (true) {
    const ssize_t got = ::read(fd.get(), chunk.data(), chunk.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return std::unexpected(errno_error("read " + path, errno));
    if (got == 0) return text;
    text.append(chunk.data(), static_cast<std::size_t>(got));
    if (text.size() > limit) return fail(ErrorKind::kTooLarge, "{}: more than {} bytes", path, limit);
  }
}

Result<void> write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t put = ::write(fd, bytes.data(), bytes.size());
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return std::unexpected(errno_error("write", errno));
    bytes.remove_prefix(static_cast<std::size_t>(put));
  }
  return {};
}

Result<void> write_file_atomically(const std::string& path, std::string_view bytes, unsigned mode) {
  const std::string temporary = path + ".new";
  // A temporary file is left over when the container was restarted in the middle of a write.
  ::unlink(temporary.c_str());
  const UniqueFd fd(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!fd) return std::unexpected(errno_error("create " + temporary, errno));
  if (auto written = write_all(fd.get(), bytes); !written) return fail_in(temporary, written.error());
  if (::fchmod(fd.get(), mode) != 0) return std::unexpected(errno_error("chmod " + temporary, errno));
  if (::rename(temporary.c_str(), path.c_str()) != 0) return std::unexpected(errno_error("rename to " + path, errno));
  return {};
}

Result<void> set_nonblocking(int fd) {
  const int flags = ::fcntl(fd, F_GETFL);
  if (flags < 0 || ::fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0) return std::unexpected(errno_error("fcntl", errno));
  return {};
}

int poll_timeout(Monotonic::time_point deadline) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Monotonic::now()).count();
  return static_cast<int>(std::clamp<std::int64_t>(left, 0, 60'000));
}

Event::Event() : fd_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

void Event::raise() const {
  const std::uint64_t one = 1;
  (void)!::write(fd_.get(), &one, sizeof one);
}

bool Event::raised() const {
  pollfd ready{fd_.get(), POLLIN, 0};
  return ::poll(&ready, 1, 0) == 1;
}

Wakeup::Wakeup() : fd_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

void Wakeup::notify() const {
  const std::uint64_t one = 1;
  (void)!::write(fd_.get(), &one, sizeof one);
}

void Wakeup::take() const {
  std::uint64_t count = 0;
  (void)!::read(fd_.get(), &count, sizeof count);
}

Result<UniqueFd> block_signals(std::initializer_list<int> signals) {
  sigset_t wanted;
  sigemptyset(&wanted);
  for (const int number : signals) sigaddset(&wanted, number);
  if (::sigprocmask(SIG_BLOCK, &wanted, nullptr) != 0) return std::unexpected(errno_error("sigprocmask", errno));
  UniqueFd fd(::signalfd(-1, &wanted, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!fd) return std::unexpected(errno_error("signalfd", errno));
  return fd;
}

Result<void> wait_ready(int fd, short events, int stop, Monotonic::time_point deadline) {
  while (true) {
    std::array<pollfd, 2> fds{{{fd, events, 0}, {stop, POLLIN, 0}}};
    const int ready = ::poll(fds.data(), fds.size(), poll_timeout(deadline));
    if (ready < 0 && errno != EINTR) return std::unexpected(errno_error("poll", errno));
    if (ready > 0 && fds[1].revents != 0) return fail(ErrorKind::kCancelled, "asked to stop");
    if (ready > 0) return {};
    if (Monotonic::now() >= deadline) return fail(ErrorKind::kTimeout, "no answer in time");
  }
}

}  // namespace modelrun::sandbox
