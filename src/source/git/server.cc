#include "source/git/server.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
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
#include <chrono>
#include <cstring>
#include <map>
#include <vector>

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
  const std::string frame = framed(encode(Result<Answer>(std::unexpected(error)), died));
  (void)::send(connection.get(), frame.data(), frame.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
}

class Server {
 public:
  Server(const ServerOptions& options, UniqueFd listener, UniqueFd signals)
      : options_(options), listener_(std::move(listener)), signals_(std::move(signals)) {}

  void run() {
    while (!step()) {
    }
    end_all();
  }

 private:
  using Clock = std::chrono::steady_clock;
  struct RequestState {
    UniqueFd connection;
    UniqueFd answering;  // an eventfd, which is readable when the worker has begun to write its answer
    fs::path directory;
    Clock::time_point begun;
    std::optional<Error> ended;  // why the server has ended it
  };
  using Requests = std::map<pid_t, RequestState>;  // a worker leads a session, whose id is its own

  // Returns true when the server is to end.
  bool step() {
    std::array<pollfd, 2> fds = {pollfd{signals_.get(), POLLIN, 0}, pollfd{listener_.get(), POLLIN, 0}};
    const int ready = ::poll(fds.data(), fds.size(), requests_.empty() && leftovers_.empty() ? -1 : kWatchMilliseconds);
    if (ready < 0 && errno != EINTR) return true;
    if (fds[0].revents != 0 && stop_was_asked()) return true;
    reap();
    if (fds[1].revents != 0) accept();
    watch();
    return false;
  }

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
    UniqueFd answering(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    const pid_t parent = ::getpid();
    const pid_t pid = answering ? ::fork() : -1;
    if (pid < 0) {
      const auto error = own_failure("begin the work on a request", errno);
      ::rmdir(directory.c_str());
      return tell(connection, error, false);
    }
    if (pid == 0) become_worker(parent, std::move(connection), std::move(answering), directory);
    requests_.emplace(pid, RequestState{std::move(connection), std::move(answering), directory, Clock::now(), {}});
  }

  [[noreturn]] void become_worker(pid_t parent, UniqueFd connection, UniqueFd answering, const fs::path& directory) {
    // Its end ends its git processes, which have asked for the same signal.
    if (::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || ::getppid() != parent || ::setsid() < 0) ::_exit(1);
    const auto signals = server_signals();
    ::sigprocmask(SIG_UNBLOCK, &signals, nullptr);
    requests_.clear();
    listener_.reset();
    signals_.reset();
    ::_exit(work_on_request(std::move(connection), std::move(answering), directory));
  }

  // Ends the requests whose process has ended. The process is reaped last, when nothing of its session runs any more:
  // until then its id, which is that of the session, cannot be reused, and nobody writes into the directory that is
  // removed.
  void reap() {
    for (auto at = requests_.begin(); at != requests_.end();) {
      const auto request = at++;
      siginfo_t info{};
      if (::waitid(P_PID, static_cast<id_t>(request->first), &info, WEXITED | WNOHANG | WNOWAIT) != 0) continue;
      if (info.si_pid == 0 || kill_session(request->first) > 0) continue;
      int status = 0;
      ::waitpid(request->first, &status, 0);
      end(request, status);
    }
    // The rest are orphans that this process has inherited. Those behind a request's process have to wait for it.
    for (siginfo_t info{};; info = {}) {
      if (::waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid == 0) return;
      if (requests_.contains(info.si_pid)) return;
      ::waitpid(info.si_pid, nullptr, 0);
    }
  }

  // Returns how many processes were still running.
  static std::size_t kill_session(pid_t session) {
    const auto left = processes_of_session(session);
    for (const pid_t pid : left) ::kill(pid, SIGKILL);
    return left.size();
  }

  void end(Requests::iterator request, int status) {
    const bool well = WIFEXITED(status) && WEXITSTATUS(status) == 0;
    const auto& state = request->second;
    if (!well) explain(state, status);
    if (const auto error = remove(state.directory)) {
      log::warn("cannot remove a directory yet", {{"path", state.directory.string()}, {"error", error.message()}});
      leftovers_.push_back(state.directory);
    }
    requests_.erase(request);
  }

  void explain(const RequestState& state, int status) const {
    if (state.ended) return answer_instead(state, *state.ended, false);
    const auto how = WIFSIGNALED(status) ? fmt::format("signal {}", WTERMSIG(status))
                                         : fmt::format("exit code {}", WEXITSTATUS(status));
    log::warn("a request ended without an answer", {{"by", how}});
    // The kernel kills when the container has no memory left, and then not necessarily whoever has taken it.
    const bool by_kernel = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
    answer_instead(state, {ErrorKind::kUnavailable, "modelrun-source failed, by " + how}, !by_kernel);
  }

  // Does nothing if the worker has begun to answer: what was added to its bytes would be taken for a part of them.
  static void answer_instead(const RequestState& state, const Error& error, bool died) {
    pollfd begun{state.answering.get(), POLLIN, 0};
    if (::poll(&begun, 1, 0) == 0) tell(state.connection, error, died);
  }

  // The server was told to end, which is nobody's fault.
  void end_all() {
    for (const auto& [pid, state] : requests_) {
      kill_session(pid);
      ::kill(pid, SIGKILL);  // one that has just been made has no session of its own yet
      ::waitpid(pid, nullptr, 0);
      answer_instead(state, {ErrorKind::kUnavailable, "modelrun-source is ending; ask again"}, false);
    }
  }

  static std::error_code remove(const fs::path& directory) {
    std::error_code error;
    fs::remove_all(directory, error);
    return error;
  }

  void watch() {
    std::erase_if(leftovers_, [](const auto& directory) { return !remove(directory); });
    if (requests_.empty()) return;
    end_those_nobody_waits_for();
    const auto memory = memory_by_session();
    keep_within(options_.memory_bytes, 0, "memory", [&](const auto& request) {
      const auto found = memory.find(request.first);
      return found == memory.end() ? 0 : found->second;
    });
    std::uint64_t left_over = 0;
    for (const auto& directory : leftovers_) left_over += disk_usage(directory);
    keep_within(options_.scratch_bytes, left_over, "disk space",
                [](const auto& request) { return disk_usage(request.second.directory); });
  }

  // A worker sees itself that its client has left or that its time is over. One that was taken over does not.
  void end_those_nobody_waits_for() {
    for (auto& [pid, state] : requests_) {
      if (state.ended) continue;
      pollfd client{state.connection.get(), POLLRDHUP, 0};
      if (::poll(&client, 1, 0) > 0) {
        end_early(pid, state, {ErrorKind::kCancelled, "nobody waits for the answer"});
      } else if (Clock::now() - state.begun >= options_.max_request_time) {
        log::warn("a request was ended, because it took too long");
        end_early(pid, state, {ErrorKind::kTimeout, "modelrun-source did not finish in time"});
      }
    }
  }

  static void end_early(pid_t pid, RequestState& state, Error why) {
    state.ended = std::move(why);
    kill_session(pid);
  }

  // Ends the largest request when all together use more than `limit`, of which `taken` has gone already. One that was
  // ended is neither counted nor ended again: what it uses comes back as soon as its processes are gone.
  template <class Size>
  void keep_within(std::uint64_t limit, std::uint64_t taken, std::string_view what, Size size_of) {
    std::vector<std::uint64_t> sizes;
    std::vector<Requests::iterator> requests;
    for (auto request = requests_.begin(); request != requests_.end(); ++request) {
      if (request->second.ended) continue;
      sizes.push_back(size_of(*request));
      requests.push_back(request);
    }
    const auto victim = whom_to_end(sizes, limit, taken);
    if (!victim) return;
    const std::uint64_t most = sizes[victim->index];
    log::warn("a request was ended, because there is no more room",
              {{"for", std::string(what)}, {"bytes", std::to_string(most)}, {"alone", victim->alone ? "yes" : "no"}});
    auto& [pid, state] = *requests[victim->index];
    end_early(pid, state,
              victim->alone
                  ? Error{ErrorKind::kTooLarge,
                          fmt::format("fetching the source needs more {} than there is for it ({} MiB were used)", what,
                                      most >> 20U)}
                  : Error{ErrorKind::kUnavailable,
                          fmt::format("fetching this source and others at the same time needs more {} than there is; "
                                      "it is tried again",
                                      what)});
  }

  const ServerOptions& options_;
  UniqueFd listener_;
  UniqueFd signals_;
  Requests requests_;
  std::vector<fs::path> leftovers_;  // of requests that have ended; could not be removed yet
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
