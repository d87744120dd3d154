#include "cli/local_run.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <thread>

#include "api/model_run.h"
#include "base/child_process.h"
#include "sandbox/collect.h"
#include "sandbox/container.h"
#include "sandbox/exec.h"
#include "sandbox/install.h"
#include "sandbox/io.h"
#include "sandbox/relay.h"
#include "sandbox/result.h"

namespace modelrun::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kStreamBytes = 256U << 10U;
constexpr std::chrono::seconds kConnect{20};
constexpr std::chrono::seconds kPythonTime{60};  // for the interpreter to say where it is
constexpr int kReport = 3;                       // the descriptor at which the container says why it could not be made
constexpr std::string_view kContain = "contain";
constexpr std::string_view kExec = "exec";

// The directories of one try. They are removed with everything in them.
class Workspace {
 public:
  static Result<Workspace> make() {
    std::error_code error;
    std::string path = fs::temp_directory_path(error).string() + "/modelrun-try-XXXXXX";
    if (::mkdtemp(path.data()) == nullptr) return std::unexpected(errno_error("mkdtemp " + path, errno));
    Workspace made(std::move(path));
    for (const auto name : {api::kAgentDir, api::kInputsDir, api::kOutputsDir, api::kUpstreamDir, api::kTmpDir}) {
      fs::create_directory(made.at(name), error);
    }
    fs::create_directory(made.at("/root"), error);
    if (error) return std::unexpected(errno_error("mkdir in " + made.path_, error.value()));
    return made;
  }
  Workspace(Workspace&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  Workspace& operator=(Workspace&&) = delete;
  ~Workspace() {
    if (path_.empty()) return;
    // Directories without permissions, of the model or of install_files(), would stay.
    std::error_code error;
    const auto open = [&error](const fs::path& path) { fs::permissions(path, fs::perms::owner_all, error); };
    open(fs::path(at(api::kModelTerminationLog)).parent_path());
    for (fs::recursive_directory_iterator each(path_, fs::directory_options::skip_permission_denied, error), end;
         !error && each != end; each.increment(error)) {
      if (each->is_directory(error) && !each->is_symlink(error)) open(each->path());
    }
    fs::remove_all(path_, error);
  }
  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] std::string at(std::string_view path) const { return path_ + std::string(path); }

 private:
  explicit Workspace(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

// The working tree is the source, and it is there.
class Tree : public sandbox::Source {
 public:
  Tree() { done_.raise(); }
  void start() const override {}
  [[nodiscard]] const sandbox::Event& done() const override { return done_; }
  [[nodiscard]] std::optional<Result<void>> result() const override { return Result<void>(); }

 private:
  sandbox::Event done_;
};

class StopOrders : public sandbox::Orders {
 public:
  explicit StopOrders(const std::stop_token& stop) : raise_(stop, [this] { cancelled_.raise(); }) {}
  void start() const override {}
  [[nodiscard]] const sandbox::Event& cancelled() const override { return cancelled_; }

 private:
  sandbox::Event cancelled_;
  std::stop_callback<std::function<void()>> raise_;
};

struct Interpreter {
  std::string program;
  std::vector<std::string> directories;  // that it needs: its prefix, and that of what it was made from
};

// Asks the interpreter itself, which may be a virtual environment's or a version manager's script.
Result<Interpreter> find_python(const std::string& python, const std::stop_token& stop) {
  auto pipe = make_pipe();
  RETURN_IF_ERROR(pipe);
  const UniqueFd null(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  const char* path = std::getenv("PATH");
  const char* home = std::getenv("HOME");
  auto child = spawn({.argv = {python, "-I", "-c",
                               "import sys; print(sys.executable, sys.prefix, sys.base_prefix, sys.base_exec_prefix, "
                               "sep='\\n')"},
                      .environment = {fmt::format("PATH={}", path == nullptr ? "/usr/bin:/bin" : path),
                                      fmt::format("HOME={}", home == nullptr ? "/" : home)},
                      .descriptors = {null.get(), pipe->write.get(), STDERR_FILENO},
                      .apart = true});
  if (!child) return fail(ErrorKind::kNotFound, "{}: name another one with --python", child.error().message);
  pipe->write.reset();
  const auto text = read_to_end(pipe->read.get(), 64U << 10U, sandbox::Monotonic::now() + kPythonTime, stop);
  if (!text) return fail_in(python, text.error());
  if (child->wait() != 0) return fail(ErrorKind::kInvalid, "{} is no Python that runs: name another one", python);
  Interpreter found;
  std::vector<std::string> lines;
  for (std::size_t begin = 0; begin < text->size();) {
    const auto end = std::min(text->find('\n', begin), text->size());
    lines.push_back(text->substr(begin, end - begin));
    begin = end + 1;
  }
  if (lines.size() != 4 || lines[0].empty()) return fail(ErrorKind::kInvalid, "{} does not say where it is", python);
  found.program = lines[0];
  for (const auto& line : {lines[1], lines[2], lines[3]}) {
    const bool known = std::ranges::find(found.directories, line) != found.directories.end();
    if (!known && line != "/" && line != "/usr") found.directories.push_back(line);
  }
  return found;
}

std::vector<std::string> environment_of(const LocalRun& run, const Interpreter& python) {
  const auto bin = fs::path(python.program).parent_path().string();
  std::vector<std::string> all{
      fmt::format("PATH={}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", bin),
      fmt::format("{}={}", api::kEnvTimeout, run.timeout.count()),
      fmt::format("{}=optional", api::kEnvLandlock),
      fmt::format("{}=00000000-0000-0000-0000-000000000000", api::kEnvRunId),
      fmt::format("{}={}", api::kEnvProject, fs::path(run.repo).filename().string()),
      fmt::format("{}=", api::kEnvCommit),
      fmt::format("{}={}", api::kEnvScope, run.model.empty() ? "project" : "model"),
      fmt::format("{}={}", api::kEnvEntryPoint, run.entry_point()),
  };
  all.insert(all.end(), run.environment.begin(), run.environment.end());
  return all;
}

// Prints what comes out of the two pipes until both are at their end.
void print_streams(Console& console, int out, int err, bool all_to_err) {
  std::array<pollfd, 2> fds{{{out, POLLIN, 0}, {err, POLLIN, 0}}};
  std::array<char, 16384> buffer{};
  while (fds[0].fd >= 0 || fds[1].fd >= 0) {
    if (::poll(fds.data(), fds.size(), -1) < 0) continue;
    for (auto& each : fds) {
      if (each.fd < 0 || each.revents == 0) continue;
      const auto got = ::read(each.fd, buffer.data(), buffer.size());
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) {
        each.fd = -1;
        continue;
      }
      const std::string_view text(buffer.data(), static_cast<std::size_t>(got));
      each.fd == out && !all_to_err ? console.out(text) : console.err(text);
    }
  }
}

Result<LocalRun> checked(LocalRun run) {
  std::error_code error;
  for (auto* path : {&run.repo, &run.data}) {
    if (path->empty()) continue;
    if (!fs::is_directory(*path, error)) return fail(ErrorKind::kNotFound, "there is no directory {}", *path);
    *path = fs::canonical(*path, error).string();
  }
  return run;
}

struct Started {
  ChildProcess container;
  std::jthread printer;
};

Result<Started> start_container(const LocalRun& run, const Workspace& work, Console& console, bool all_to_err,
                                const std::stop_token& stop) {
  const auto python = find_python(run.python, stop);
  RETURN_IF_ERROR(python);
  std::vector<std::string> argv{work.at(api::kInstalledBinary), std::string(kContain)};
  for (auto& each : sandbox::to_arguments({work.path(), run.repo, run.data, python->directories})) {
    argv.push_back(std::move(each));
  }
  for (const std::string_view each :
       {api::kInstalledBinary, kExec, std::string_view("--"), std::string_view(python->program), std::string_view("-I"),
        std::string_view("-B"), std::string_view("-u"), api::kHarness}) {
    argv.emplace_back(each);
  }
  auto out = make_pipe();
  auto err = make_pipe();
  auto report = make_pipe();
  for (const auto* pipe : {&out, &err, &report}) RETURN_IF_ERROR(*pipe);
  const UniqueFd null(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  // Apart, as Ctrl-C is for this process, which ends the model in good order.
  auto container = spawn({.argv = std::move(argv),
                          .environment = environment_of(run, *python),
                          .descriptors = {null.get(), out->write.get(), err->write.get(), report->write.get()},
                          .apart = true});
  RETURN_IF_ERROR(container);
  for (auto* pipe : {&out, &err, &report}) (*pipe)->write.reset();
  const auto why = read_to_end(report->read.get(), 4096, sandbox::Monotonic::now() + kConnect, stop);
  if (!why) return fail_in("the container", why.error());
  if (!why->empty()) return fail(ErrorKind::kDenied, "the container could not be made: {}", *why);
  return Started{std::move(*container),
                 std::jthread([&console, out = std::move(out->read), err = std::move(err->read), all_to_err] {
                   print_streams(console, out.get(), err.get(), all_to_err);
                 })};
}

}  // namespace

std::string LocalRun::entry_point() const {
  api::ModelRunSpec spec;
  spec.scope = model.empty() ? api::Scope::kProject : api::Scope::kModel;
  spec.model_name = model;
  return spec.entry_point();
}

Result<api::ResultFrame> run_locally(const LocalRun& given, Console& console, bool all_to_err, std::stop_token stop) {
  const auto run = checked(given);
  RETURN_IF_ERROR(run);
  const auto work = Workspace::make();
  RETURN_IF_ERROR(work);
  const sandbox::Layout layout(work->path());
  if (run->parameters) {
    const auto file = work->at(api::kInputsDir) + "/parameters.json";
    RETURN_IF_ERROR(sandbox::write_file_atomically(file, *run->parameters, 0444));
  }
  auto listener = sandbox::AgentSocket::open();
  RETURN_IF_ERROR(listener);
  RETURN_IF_ERROR(sandbox::install_files(layout));
  RETURN_IF_ERROR(sandbox::write_marker(layout, listener->name()));
  auto started = start_container(*run, *work, console, all_to_err, stop);
  RETURN_IF_ERROR(started);

  const Tree tree;
  const StopOrders orders(stop);
  const sandbox::Event no_signal;  // signals reach this process as a stop
  sandbox::Relay relay(layout, *listener, tree, orders, nullptr, no_signal.fd(), kStreamBytes);
  api::ResultFrame frame = sandbox::frame_of(relay.run(kConnect));
  started->container.wait();
  started->printer.join();
  if (frame.exit.how != api::ExitHow::kNotStarted) {
    sandbox::add_outputs(frame, sandbox::collect_outputs(work->at(api::kOutputsDir), {}));
  }
  return frame;
}

std::optional<int> sandbox_main(int argc, char** argv) {
  std::vector<std::string> arguments(argv, argv + argc);
  const bool installed = argc > 2 && fs::path(arguments[0]).filename() == fs::path(api::kInstalledBinary).filename();
  if (!installed) return std::nullopt;
  const std::string command = arguments[1];
  arguments.erase(arguments.begin(), arguments.begin() + 2);
  if (command == kExec) {
    arguments.erase(arguments.begin());  // "--"
    return sandbox::run_exec({}, std::move(arguments));
  }
  if (command != kContain) return std::nullopt;
  const auto plan = sandbox::plan_from_arguments(arguments);
  return plan ? sandbox::run_contained(*plan, arguments, kReport) : api::kExitSetupFailed;
}

}  // namespace modelrun::cli
