#include "sandbox/standby.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "api/json_access.h"
#include "base/printable.h"
#include "sandbox/io.h"
#include "sandbox/supervisor.h"

namespace modelrun::sandbox {
namespace {

constexpr std::size_t kSaidBytes = 2048;
constexpr std::size_t kMostAtOnce = std::size_t{1} << 20U;  // bytes that read_away() reads before its caller goes on
constexpr std::chrono::seconds kEndTime{1};                 // from the end of a process's descriptors to its own
constexpr std::string_view kPlaceholder = "$(ENTRYPOINT)";

// Reads what is in a non-blocking pipe; keeps the last kSaidBytes in `kept` if there is one. It ends also if somebody
// writes without pause.
void read_away(int fd, std::string* kept) {
  std::array<char, 16384> chunk;
  for (std::size_t read = 0; read < kMostAtOnce; read += chunk.size()) {
    const ssize_t got = ::read(fd, chunk.data(), chunk.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return;
    if (kept == nullptr) continue;
    kept->append(chunk.data(), static_cast<std::size_t>(got));
    if (kept->size() > kSaidBytes) kept->erase(0, kept->size() - kSaidBytes);
  }
}

std::string last_line(std::string_view text) {
  while (text.ends_with('\n')) text.remove_suffix(1);
  return printable(text.substr(text.rfind('\n') + 1), 512);
}

std::string end_of(int status) {
  if (WIFSIGNALED(status)) return fmt::format("signal {}", WTERMSIG(status));
  return fmt::format("exit code {}", WEXITSTATUS(status));
}

}  // namespace

Result<void> BeforeStart::take_signals() {
  if (Supervisor::read_outside_stop(signals_, whole_namespace_)) {
    return fail(ErrorKind::kCancelled, "stopped before the model started");
  }
  int status = 0;
  pid_t ended = 0;
  while ((ended = ::waitpid(-1, &status, WNOHANG)) > 0) {
    if (ended != child_) continue;
    discard();
    const auto why = last_line(said_);
    return fail(ErrorKind::kInternal, "the process that waits for work has ended with {}{}{}", end_of(status),
                why.empty() ? "" : ": ", why);
  }
  return {};
}

void BeforeStart::discard() {
  read_away(out_, nullptr);
  read_away(err_, &said_);
}

Result<std::string> BeforeStart::await(int fd) {
  const bool quiet = child_ < 0;
  std::string line;
  while (true) {
    std::array<pollfd, 5> fds{{{agent_.fd(), POLLIN, 0},
                               {signals_, POLLIN, 0},
                               {fd, POLLIN, 0},
                               {quiet ? -1 : out_, POLLIN, 0},
                               {quiet ? -1 : err_, POLLIN, 0}}};
    if (::poll(fds.data(), fds.size(), -1) < 0) continue;
    // What the process says before it ends says why it ends.
    if (fds[3].revents != 0 || fds[4].revents != 0) discard();
    if (fds[1].revents != 0) RETURN_IF_ERROR(take_signals());
    if (fds[2].revents != 0) {
      std::array<char, 64> bytes;
      const ssize_t got = ::read(fd, bytes.data(), bytes.size());
      if (got > 0) line.append(bytes.data(), static_cast<std::size_t>(got));
      if (line.ends_with('\n')) return line;
      if (got == 0 || line.size() > bytes.size()) {
        // Its end comes as a signal, which says more and may be a moment late, unless it only closes the socket.
        if (wait_ready(signals_, POLLIN, -1, Monotonic::now() + kEndTime)) RETURN_IF_ERROR(take_signals());
        return fail(ErrorKind::kInternal, "the process that was to wait for work does not wait");
      }
    }
    if (fds[0].revents == 0) continue;
    const auto packet = agent_.receive();
    if (!packet && packet.error().kind == ErrorKind::kTimeout) continue;
    if (!packet) return fail_in("the agent went away before the model started", packet.error());
    if (packet->type == Message::kGo) return packet->payload;
    if (packet->type == Message::kRefuse) return fail(ErrorKind::kDenied, "the agent: {}", packet->payload);
  }
}

Result<void> BeforeStart::await_line(int fd) {
  const auto line = await(fd);
  RETURN_IF_ERROR(line);
  if (*line != "ready\n") return fail(ErrorKind::kInternal, "the harness has said something that is no answer");
  return {};
}

Result<WaitingHarness> launch_harness(LaunchPlan& plan) {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) {
    return std::unexpected(errno_error("socketpair", errno));
  }
  WaitingHarness harness;
  harness.work = UniqueFd(ends[0]);
  const UniqueFd theirs(ends[1]);
  RETURN_IF_ERROR(set_nonblocking(harness.work.get()));
  plan.stdin_fd = theirs.get();
  const auto started = launch(plan);
  plan.stdin_fd = -1;
  RETURN_IF_ERROR(started);
  harness.pid = *started;
  return harness;
}

Result<WaitingHarness> start_harness(LaunchPlan& plan, BeforeStart& before) {
  auto harness = launch_harness(plan);
  RETURN_IF_ERROR(harness);
  before.watch(harness->pid);
  RETURN_IF_ERROR(before.await_line(harness->work.get()));
  return harness;
}

std::string work_text(const api::Work& work, HarnessWork what) {
  nlohmann::json environment = nlohmann::json::object();
  for (const auto& [name, value] : work.environment) environment[name] = value;
  nlohmann::json text = {{"environment", std::move(environment)}};
  if (what != HarnessWork::kRun) text["points"] = true;
  if (what == HarnessWork::kPoints) text["imports"] = true;
  return api::json_text(text) + '\n';
}

Result<void> send_line(const WaitingHarness& harness, std::string_view line) {
  // The socket takes far more than this without waiting.
  while (!line.empty()) {
    const ssize_t sent = ::send(harness.work.get(), line.data(), line.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent <= 0) return fail(ErrorKind::kUnavailable, "the process that waited for work has ended");
    line.remove_prefix(static_cast<std::size_t>(sent));
  }
  return {};
}

Result<void> give_work(WaitingHarness harness, const api::Work& work) {
  return send_line(harness, work_text(work, HarnessWork::kRun));
}

void put_work(LaunchPlan& plan, const api::Work& work) {
  for (const auto& [name, value] : work.environment) plan.environment.push_back(fmt::format("{}={}", name, value));
  for (std::string& word : plan.argv) {
    if (const auto at = word.find(kPlaceholder); at != std::string::npos) {
      word.replace(at, kPlaceholder.size(), work.entry_point);
    }
  }
}

}  // namespace modelrun::sandbox
