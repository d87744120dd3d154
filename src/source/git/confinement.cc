#include "source/git/confinement.h"

#include <fcntl.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>

#include "base/landlock.h"

namespace modelrun::source {
namespace {

// The paths that git, its https helper, libcurl and the C library read. None of them may contain a secret of the
// operator.
constexpr std::array kSystemPaths = {
    "/usr",
    "/lib",
    "/lib64",
    "/bin",
    "/etc/ld.so.cache",
    "/etc/ssl",
    "/etc/ca-certificates",
    "/etc/pki",
    "/etc/resolv.conf",
    "/etc/hosts",
    "/etc/nsswitch.conf",
    "/etc/host.conf",
    "/etc/gai.conf",
    "/etc/passwd",
    "/etc/localtime",
    "/dev/urandom",
    "/dev/random",
};

Result<UniqueFd> make_ruleset(const ConfinementSpec& spec, int abi) {
  const auto denied = landlock::everything(abi);
  auto ruleset = landlock::create(denied, abi);
  if (!ruleset) return ruleset;
  const auto allow = [&](const std::string& path, std::uint64_t access, bool must_exist) {
    return landlock::allow_path(ruleset->get(), path, access, must_exist);
  };
  for (const char* path : kSystemPaths) {
    RETURN_IF_ERROR(allow(path, landlock::kRead, false));
  }
  for (const auto& path : spec.readable) {
    RETURN_IF_ERROR(allow(path, landlock::kRead, false));
  }
  const std::uint64_t device = landlock::kReadFile | landlock::kWriteFile;
  RETURN_IF_ERROR(allow("/dev/null", device, false));
  const std::uint64_t all = denied.handled_fs & ~landlock::kExecute;
  RETURN_IF_ERROR(allow(spec.writable, all, true));
  if (denied.handled_net != 0 && spec.port) {
    RETURN_IF_ERROR(landlock::allow_connect(ruleset->get(), *spec.port));
  }
  return ruleset;
}

#if defined(__x86_64__)
constexpr std::uint32_t kArchitecture = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
constexpr std::uint32_t kArchitecture = AUDIT_ARCH_AARCH64;
#else
#error "git's seccomp filter knows x86-64 and aarch64"
#endif

constexpr std::array kDeniedCalls = {
    SYS_ptrace,
    SYS_process_vm_readv,
    SYS_process_vm_writev,
    SYS_kcmp,
    SYS_pidfd_open,
    SYS_pidfd_getfd,
    SYS_process_madvise,
    SYS_keyctl,
    SYS_add_key,
    SYS_request_key,
    SYS_bpf,
    SYS_io_uring_setup,
    SYS_io_uring_enter,
    SYS_io_uring_register,
    SYS_userfaultfd,
    SYS_perf_event_open,
    SYS_mount,
    SYS_umount2,
    SYS_pivot_root,
    SYS_chroot,
    SYS_open_tree,
    SYS_move_mount,
    SYS_fsopen,
    SYS_fsmount,
    SYS_fsconfig,
    SYS_unshare,
    SYS_setns,
    SYS_open_by_handle_at,
    SYS_name_to_handle_at,
    SYS_kexec_load,
    SYS_init_module,
    SYS_finit_module,
    SYS_delete_module,
    SYS_reboot,
    SYS_personality,
    SYS_shmget,
    SYS_msgget,
    SYS_semget,
    SYS_memfd_create,
    SYS_execveat,
    // Whoever leaves the session of its worker would outlive it (server.cc).
    SYS_setsid,
    // Also to itself: a filter does not know who is meant.
    SYS_kill,
    SYS_tkill,
    SYS_tgkill,
    SYS_rt_sigqueueinfo,
    SYS_rt_tgsigqueueinfo,
    SYS_pidfd_send_signal,
};

constexpr std::uint32_t kNewNamespaces =
    CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET;

sock_filter statement(std::uint32_t code, std::uint32_t k) {
  return {static_cast<std::uint16_t>(code), 0, 0, k};
}
sock_filter jump(std::uint32_t code, std::uint32_t k, std::uint8_t when_true, std::uint8_t when_false) {
  return {static_cast<std::uint16_t>(code), when_true, when_false, k};
}
sock_filter answer(int error) {
  return statement(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (static_cast<std::uint32_t>(error) & SECCOMP_RET_DATA));
}
sock_filter load(std::size_t offset) {
  return statement(BPF_LD | BPF_W | BPF_ABS, static_cast<std::uint32_t>(offset));
}

void add_head(std::vector<sock_filter>& filter) {
  filter.push_back(load(offsetof(seccomp_data, arch)));
  filter.push_back(jump(BPF_JMP | BPF_JEQ | BPF_K, kArchitecture, 1, 0));
  filter.push_back(statement(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS));
  filter.push_back(load(offsetof(seccomp_data, nr)));
#if defined(__x86_64__)
  filter.push_back(jump(BPF_JMP | BPF_JGE | BPF_K, 0x40000000U, 0, 1));  // x32
  filter.push_back(answer(ENOSYS));
#endif
}

// Makes `call` fail with `error` unless the low 32 bits of its first argument are one of `allowed`.
void allow_first_argument(std::vector<sock_filter>& filter, long call, const std::vector<std::uint32_t>& allowed,
                          int error) {
  const auto count = static_cast<std::uint8_t>(allowed.size());
  filter.push_back(
      jump(BPF_JMP | BPF_JEQ | BPF_K, static_cast<std::uint32_t>(call), 0, static_cast<std::uint8_t>(count + 3)));
  filter.push_back(load(offsetof(seccomp_data, args)));
  for (std::uint8_t i = 0; i < count; ++i) {
    filter.push_back(jump(BPF_JMP | BPF_JEQ | BPF_K, allowed[i], static_cast<std::uint8_t>(count - i), 0));
  }
  filter.push_back(answer(error));
  filter.push_back(statement(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
}

std::vector<sock_filter> make_filter(bool network) {
  std::vector<sock_filter> filter;
  add_head(filter);
  for (const long call : kDeniedCalls) {
    filter.push_back(jump(BPF_JMP | BPF_JEQ | BPF_K, static_cast<std::uint32_t>(call), 0, 1));
    filter.push_back(answer(EPERM));
  }
  // clone3 takes its flags in memory, which a seccomp filter cannot read. On ENOSYS the C library falls back to clone,
  // whose flags are checked below.
  filter.push_back(jump(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone3, 0, 1));
  filter.push_back(answer(ENOSYS));
  // Not AF_UNIX: the socket of modelrun-source is one, and whoever reaches it may ask for any URL.
  const auto families = network ? std::vector<std::uint32_t>{AF_INET, AF_INET6} : std::vector<std::uint32_t>{};
  allow_first_argument(filter, SYS_socket, families, EAFNOSUPPORT);
  filter.push_back(jump(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone, 0, 3));
  filter.push_back(load(offsetof(seccomp_data, args)));
  filter.push_back(jump(BPF_JMP | BPF_JSET | BPF_K, kNewNamespaces, 0, 1));
  filter.push_back(answer(EPERM));
  filter.push_back(statement(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
  return filter;
}

}  // namespace

Result<Confinement> Confinement::make(const ConfinementSpec& spec) {
  Confinement confinement;
  const int abi = landlock::abi();
  if (abi >= 1) {
    auto ruleset = make_ruleset(spec, abi);
    if (!ruleset) return fail_in("confine git", ruleset.error());
    confinement.ruleset_ = std::move(*ruleset);
  } else if (!spec.landlock_optional) {
    return fail(
        ErrorKind::kUnavailable,
        "the operator's node has no Landlock, which keeps git away from the operator's token; the operator must be "
        "told to do without it");
  }
  confinement.filter_ = make_filter(spec.port.has_value());
  return confinement;
}

const char* Confinement::apply() const noexcept {
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return "no_new_privs";
  if (ruleset_ && ::syscall(SYS_landlock_restrict_self, ruleset_.get(), 0) != 0) return "landlock";
  sock_fprog program{};
  program.len = static_cast<unsigned short>(filter_.size());
  program.filter = const_cast<sock_filter*>(filter_.data());
  if (::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) != 0) return "seccomp";
  return nullptr;
}

}  // namespace modelrun::source
