#include "source/git/server.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <map>

#include "base/fd.h"
#include "base/log.h"
#include "source/files.h"
#include "source/git/usage.h"
#include "source/git/worker.h"
#include "source/wire.h"

namespace modelrun::source {

namespace fs = std::filesystem;

namespace {

constexpr int kWatchMilliseconds = 100;

sigset_t server_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int number : {SIGTERM, SIGINT, SIGCHLD}) sigaddset(&set, number);
  return set;
}

Result<UniqueFd> listen_on(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) return fail(ErrorKind::kInvalid, "the path {} is too long", path);
  path.copy(address.sun_path, path.size());
  UniqueFd listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!listener) return std::unexpected(errno_error("make a socket", errno));
  ::unlink(path.c_str());
  const mode_t before = ::umask(0177);
  const int bound = ::bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
  const int error = errno;
  ::umask(before);
  if (bound != 0) return std::unexpected(errno_error("bind " + path, error));
  if (::listen(listener.get(), SOMAXCONN) != 0) return std::unexpected(errno_error("listen on " + path, errno));
  return listener;
}

Result<void> empty_directory(const fs::path& directory) {
  std::error_code error;
  fs::create_directories(directory, error);
  if (error) return std::unexpected(errno_error("make the directory " + directory.string(), error.value()));
  for (fs::directory_iterator at(directory, error), end; !error && at != end; at.increment(error)) {
    std::error_code ignored;
    fs::remove_all(at->path(), ignored);
  }
  if (error) return std::unexpected(errno_error("read the directory " + directory.string(), error.value()));
  return {};
}

// Tells a client why its request has no answer. The socket's buffer takes so few bytes at once, unless the client does
// not read what was sent before: then it learns it from the end of the connection.
void tell(const UniqueFd& connection, const Error& error, bool died) {
  const std::string text = encode(Result<Answer>(std::unexpected(error)), died);
  std::string frame = {'\0', '\0', static_cast<char>(text.size() >> 8U), static_cast<char>(text.size() & 0xffU)};
  frame += text;
  (void)::send(connection.get(), frame.data(), frame.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
}

class Server {
 public:
  Server(const ServerOptions& options, UniqueFd listener, UniqueFd signals)
      : options_(options), listener_(std::move(listener)), signals_(std::move(signals)) {}

  void run() {
    for (;;) {
      std::array<pollfd, 2> fds = {pollfd{signals_.get(), POLLIN, 0}, pollfd{listener_.get(), POLLIN, 0}};
      const int ready = ::poll(fds.data(), fds.size(), requests_.empty() ? -1 : kWatchMilliseconds);
      if (ready < 0 && errno != EINTR) return;
      if (fds[0].revents != 0 && stop_was_asked()) return;
      reap();
      if (fds[1].revents != 0) accept();
      watch();
    }
  }

 private:
  struct RequestState {
    UniqueFd connection;
    fs::path directory;
    std::optional<Error> ended;  // why the server has ended it
  };
  using Requests = std::map<pid_t, RequestState>;  // a worker leads a session, whose id is its own

  bool stop_was_asked() {
    signalfd_siginfo info{};
    while (::read(signals_.get(), &info, sizeof info) == static_cast<ssize_t>(sizeof info)) {
      if (info.ssi_signo != SIGCHLD) return true;
    }
    return false;
  }

  void accept() {
    UniqueFd connection(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!connection) return;
    if (requests_.size() >= options_.max_requests) {
      return tell(connection, {ErrorKind::kUnavailable, "modelrun-source works on too many requests already"}, false);
    }
    const auto directory = options_.scratch / fmt::format("request-{}", ++count_);
    if (::mkdir(directory.c_str(), 0700) != 0) {
      return tell(connection, own_failure("make a directory in " + options_.scratch.string(), errno), false);
    }
    const pid_t parent = ::getpid();
    const pid_t pid = ::fork();
    if (pid < 0) return tell(connection, own_failure("fork", errno), false);
    if (pid == 0) become_worker(parent, std::move(connection), directory);
    requests_.emplace(pid, RequestState{std::move(connection), directory, {}});
  }

  [[noreturn]] void become_worker(pid_t parent, UniqueFd connection, const fs::path& directory) {
    // Its end ends its git processes, which have asked for the same signal.
    if (::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || ::getppid() != parent || ::setsid() < 0) ::_exit(1);
    const auto signals = server_signals();
    ::sigprocmask(SIG_UNBLOCK, &signals, nullptr);
    requests_.clear();
    listener_.reset();
    signals_.reset();
    ::_exit(work_on_request(std::move(connection), directory));
  }

  void reap() {
    int status = 0;
    for (pid_t pid = ::waitpid(-1, &status, WNOHANG); pid > 0; pid = ::waitpid(-1, &status, WNOHANG)) {
      const auto found = requests_.find(pid);
      if (found != requests_.end()) end(found, status);  // else an orphan that this process has inherited
    }
  }

  void end(Requests::iterator request, int status) {
    const bool well = WIFEXITED(status) && WEXITSTATUS(status) == 0;
    for (const pid_t left : processes_of_session(request->first)) ::kill(left, SIGKILL);
    const auto& state = request->second;
    if (!well && state.ended) {
      tell(state.connection, *state.ended, false);
    } else if (!well) {
      const auto how = WIFSIGNALED(status) ? fmt::format("signal {}", WTERMSIG(status))
                                           : fmt::format("exit code {}", WEXITSTATUS(status));
      log::warn("a request ended without an answer", {{"by", how}});
      tell(state.connection, {ErrorKind::kUnavailable, "modelrun-source failed, by " + how}, true);
    }
    std::error_code ignored;
    fs::remove_all(state.directory, ignored);
    requests_.erase(request);
  }

  // Ends the largest request when all together use more than there is.
  void watch() {
    if (requests_.empty()) return;
    const auto memory = memory_by_session();
    keep_within(options_.memory_bytes, "memory", [&](const auto& request) {
      const auto found = memory.find(request.first);
      return found == memory.end() ? 0 : found->second;
    });
    keep_within(options_.scratch_bytes, "disk space",
                [](const auto& request) { return disk_usage(request.second.directory); });
  }

  template <class Size>
  void keep_within(std::uint64_t limit, std::string_view what, Size size_of) {
    std::uint64_t total = 0;
    std::uint64_t most = 0;
    auto largest = requests_.end();
    for (auto request = requests_.begin(); request != requests_.end(); ++request) {
      const std::uint64_t size = size_of(*request);
      total += size;
      if (request->second.ended || size <= most) continue;
      most = size;
      largest = request;
    }
    if (total <= limit || largest == requests_.end()) return;
    log::warn("a request was ended, because there is no more room",
              {{"for", std::string(what)}, {"bytes", std::to_string(most)}, {"of", std::to_string(total)}});
    largest->second.ended = Error{
        ErrorKind::kTooLarge,
        fmt::format("fetching the source needs more {} than there is for it ({} MiB were used)", what, most >> 20U)};
    for (const pid_t pid : processes_of_session(largest->first)) ::kill(pid, SIGKILL);
  }

  const ServerOptions& options_;
  UniqueFd listener_;
  UniqueFd signals_;
  Requests requests_;
  std::uint64_t count_ = 0;
};

}  // namespace

void block_server_signals() {
  const auto signals = server_signals();
  ::sigprocmask(SIG_BLOCK, &signals, nullptr);
}

Result<void> serve(const ServerOptions& options) {
  // Processes that have lost their parent come to this one, which reaps them.
  if (::prctl(PR_SET_CHILD_SUBREAPER, 1) != 0) return std::unexpected(errno_error("become a subreaper", errno));
  RETURN_IF_ERROR(empty_directory(options.scratch));
  const auto set = server_signals();
  UniqueFd signals(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!signals) return std::unexpected(errno_error("make a signalfd", errno));
  auto listener = listen_on(options.socket);
  RETURN_IF_ERROR(listener);
  log::info("ready", {{"socket", options.socket}, {"version", MODELRUN_VERSION}});
  Server(options, std::move(*listener), std::move(signals)).run();
  log::info("stopped");
  return {};
}

}  // namespace modelrun::source
