#include "sandbox/container.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <filesystem>

#include "api/sandbox.h"
#include "base/child_process.h"
#include "base/fd.h"
#include "sandbox/io.h"

namespace modelrun::sandbox {
namespace {

constexpr uid_t kUserForRoot = 1000;
constexpr const char* kSystem[] = {"bin", "etc", "lib", "lib32", "lib64", "libx32", "opt", "sbin", "usr"};
constexpr const char* kDevices[] = {"null", "zero", "full", "random", "urandom"};

Result<void> must(bool done, const std::string& what) {
  if (done) return {};
  return std::unexpected(errno_error(what, errno));
}

Result<void> make_folder(const std::string& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error) return std::unexpected(errno_error("mkdir " + path, error.value()));
  return {};
}

// With everything below it. Flags that the mounts have already stay.
Result<void> make_read_only(const std::string& path, unsigned flags) {
  mount_attr attributes{};
  attributes.attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID;
  return must(::mount_setattr(AT_FDCWD, path.c_str(), flags, &attributes, sizeof attributes) == 0,
              "make " + path + " read-only");
}

enum class Access { kRead, kWrite };

Result<void> bind_at(const std::string& from, const std::string& to, Access access) {
  RETURN_IF_ERROR(must(::mount(from.c_str(), to.c_str(), nullptr, MS_BIND | MS_REC, nullptr) == 0,
                       fmt::format("mount {} at {}", from, to)));
  return access == Access::kRead ? make_read_only(to, AT_RECURSIVE) : Result<void>();
}

Result<void> bind_directory(const std::string& from, const std::string& to, Access access = Access::kRead) {
  RETURN_IF_ERROR(make_folder(to));
  return bind_at(from, to, access);
}

Result<void> mount_tmpfs(const std::string& path, const char* options) {
  return must(::mount("tmpfs", path.c_str(), "tmpfs", MS_NOSUID | MS_NODEV, options) == 0, "mount tmpfs at " + path);
}

// What the image of a pod is: the system's directories. A link such as /lib -> usr/lib stays one.
Result<void> mount_system(const std::string& root) {
  for (const std::string name : kSystem) {
    const std::string from = "/" + name;
    const std::string to = root + from;
    std::error_code error;
    if (const auto target = std::filesystem::read_symlink(from, error); !error) {
      RETURN_IF_ERROR(must(::symlink(target.c_str(), to.c_str()) == 0, "link " + to));
    } else if (std::filesystem::is_directory(from, error)) {
      RETURN_IF_ERROR(bind_directory(from, to));
    }
  }
  return {};
}

Result<void> mount_devices(const std::string& root) {
  RETURN_IF_ERROR(make_folder(root + "/dev/shm"));
  for (const char* name : kDevices) {
    const std::string to = fmt::format("{}/dev/{}", root, name);
    const UniqueFd file(::open(to.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0666));
    RETURN_IF_ERROR(must(static_cast<bool>(file), "create " + to));
    RETURN_IF_ERROR(bind_at(fmt::format("/dev/{}", name), to, Access::kWrite));
  }
  return mount_tmpfs(root + "/dev/shm", "size=64m,mode=1777");
}

// Its own processes only. Where the kernel lets no user mount that, as in many containers, the machine's: a model then
// sees the names of other processes, and is still kept from everything else about them.
Result<void> mount_kernel(const std::string& root) {
  RETURN_IF_ERROR(make_folder(root + "/proc"));
  if (::mount("proc", (root + "/proc").c_str(), "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr) != 0) {
    RETURN_IF_ERROR(bind_at("/proc", root + "/proc", Access::kWrite));
  }
  return bind_directory("/sys", root + "/sys");
}

Result<void> mount_run(const ContainerPlan& plan, const std::string& root) {
  const auto own = [&](std::string_view path) { return plan.work + std::string(path); };
  const auto at = [&](std::string_view path) { return root + std::string(path); };
  for (const auto path : {api::kAgentDir, api::kInputsDir}) RETURN_IF_ERROR(bind_directory(own(path), at(path)));
  for (const auto path : {api::kOutputsDir, api::kUpstreamDir, api::kTmpDir}) {
    RETURN_IF_ERROR(bind_directory(own(path), at(path), Access::kWrite));
  }
  if (!plan.data.empty()) RETURN_IF_ERROR(bind_directory(plan.data, at(api::kDataDir)));
  RETURN_IF_ERROR(bind_directory(plan.repo, at(api::kRepoDir)));
  const std::string git = at(api::kRepoDir) + "/.git";
  std::error_code error;
  return std::filesystem::is_directory(git, error) ? mount_tmpfs(git, "size=4k,mode=755") : Result<void>();
}

// Directories that lie below others of the list, or below those of the system, are there already.
Result<void> mount_visible(const ContainerPlan& plan, const std::string& root) {
  for (const std::string& path : plan.visible) {
    std::error_code error;
    if (!std::filesystem::is_directory(root + path, error)) RETURN_IF_ERROR(bind_directory(path, root + path));
  }
  return {};
}

Result<void> enter_root(const std::string& root) {
  RETURN_IF_ERROR(make_read_only(root, 0));
  RETURN_IF_ERROR(must(::chdir(root.c_str()) == 0, "chdir " + root));
  RETURN_IF_ERROR(must(::syscall(SYS_pivot_root, ".", ".") == 0, "pivot_root"));
  RETURN_IF_ERROR(must(::umount2(".", MNT_DETACH) == 0, "umount of the old root"));
  return must(::chdir("/") == 0, "chdir /");
}

Result<void> make_root(const ContainerPlan& plan) {
  RETURN_IF_ERROR(must(::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0, "make mounts private"));
  const std::string root = plan.work + "/root";
  RETURN_IF_ERROR(mount_tmpfs(root, "size=1m,mode=755"));
  RETURN_IF_ERROR(mount_system(root));
  RETURN_IF_ERROR(mount_devices(root));
  RETURN_IF_ERROR(mount_kernel(root));
  RETURN_IF_ERROR(mount_run(plan, root));
  RETURN_IF_ERROR(mount_visible(plan, root));
  return enter_root(root);
}

Result<void> write_map(const char* path, const std::string& text) {
  const UniqueFd file(::open(path, O_WRONLY | O_CLOEXEC));
  RETURN_IF_ERROR(must(static_cast<bool>(file), fmt::format("open {}", path)));
  return write_all(file.get(), text);
}

Result<void> enter_namespaces() {
  const uid_t uid = ::geteuid();
  const gid_t gid = ::getegid();
  if (::unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS) != 0) {
    return fail(errno_error("unshare", errno).kind,
                "this machine lets its users make no user namespaces ({}). Where the administrator allows it: sysctl "
                "user.max_user_namespaces above 0, kernel.unprivileged_userns_clone=1 on Debian, "
                "kernel.apparmor_restrict_unprivileged_userns=0 on Ubuntu; a container needs its seccomp profile to "
                "allow unshare",
                std::system_category().message(errno));
  }
  RETURN_IF_ERROR(write_map("/proc/self/setgroups", "deny"));
  RETURN_IF_ERROR(write_map("/proc/self/uid_map", fmt::format("{} {} 1", uid == 0 ? kUserForRoot : uid, uid)));
  return write_map("/proc/self/gid_map", fmt::format("{} {} 1", gid == 0 ? kUserForRoot : gid, gid));
}

// In the container's PID 1. The capabilities that it has in the user namespace end with the execve, as its user is not
// root there. Returns only on failure.
Error become(const ContainerPlan& plan, const std::vector<std::string>& argv) {
  (void)::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (auto made = make_root(plan); !made) return made.error();
  auto arguments = argv_of(argv);
  ::execv(arguments[0], arguments.data());
  return errno_error("start " + argv[0], errno);
}

int tell(int report, const Error& error) {
  (void)write_all(report, error.message);
  return api::kExitSetupFailed;
}

}  // namespace

std::vector<std::string> to_arguments(const ContainerPlan& plan) {
  std::vector<std::string> arguments{plan.work, plan.repo, plan.data};
  arguments.insert(arguments.end(), plan.visible.begin(), plan.visible.end());
  arguments.emplace_back("--");
  return arguments;
}

Result<ContainerPlan> plan_from_arguments(std::vector<std::string>& arguments) {
  const auto end = std::find(arguments.begin(), arguments.end(), "--");
  if (end == arguments.end() || end - arguments.begin() < 3) return fail(ErrorKind::kInvalid, "no plan of a container");
  ContainerPlan plan{arguments[0], arguments[1], arguments[2], {arguments.begin() + 3, end}};
  arguments.erase(arguments.begin(), end + 1);
  return plan;
}

int run_contained(const ContainerPlan& plan, const std::vector<std::string>& argv, int report) {
  (void)::fcntl(report, F_SETFD, FD_CLOEXEC);
  if (auto entered = enter_namespaces(); !entered) return tell(report, entered.error());
  (void)::prctl(PR_SET_PDEATHSIG, SIGKILL);  // afterwards, as the new capabilities take it back
  const pid_t child = ::fork();
  if (child < 0) return tell(report, errno_error("fork", errno));
  if (child == 0) ::_exit(tell(report, become(plan, argv)));
  ::close(report);
  const int status = reap(child);
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

}  // namespace modelrun::sandbox
