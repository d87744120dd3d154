#include "sandbox/seccomp_policy.h"

#include <fcntl.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <initializer_list>
#include <memory>
#include <utility>

#include "base/fd.h"
#include "sandbox/syscall_table.h"

namespace modelrun::sandbox {
namespace {

constexpr std::uint64_t kLow32 = 0xFFFFFFFFU;
// The allowlist was written for system calls below this number; kernels already have newer ones (456 is
// futex_requeue). Calls from here to kLastUnknownSyscall fail with ENOSYS, as if the kernel did not have them, so
// that a newer C library falls back to an older call instead of failing.
constexpr int kFirstUnknownSyscall = 452;
constexpr int kLastUnknownSyscall = 520;

constexpr unsigned kFiclone = 0x40049409U;
constexpr unsigned kFicloneRange = 0x4020940DU;
constexpr int kTermios2Get = static_cast<int>(0x802C542AU);
constexpr int kPrSetVma = 0x53564d41;

using Comparisons = std::vector<scmp_arg_cmp>;

// Matches when the low 32 bits of argument `index` are `value`. For arguments that the kernel reads as 32 bits.
scmp_arg_cmp low32_is(unsigned index, std::uint64_t value) {
  return {index, SCMP_CMP_MASKED_EQ, kLow32, value & kLow32};
}
// Matches when the bits `mask` of argument `index` are `value`.
scmp_arg_cmp has_bits(unsigned index, std::uint64_t mask, std::uint64_t value) {
  return {index, SCMP_CMP_MASKED_EQ, mask, value};
}

// Matches when argument `index` is not null.
scmp_arg_cmp is_set(unsigned index) {
  return {index, SCMP_CMP_NE, 0, 0};
}

// The level of libseccomp's interface that has SCMP_ACT_KILL_PROCESS (Linux 4.14). Unless told, the library asks the
// kernel what it has, and refuses the action where the kernel does not answer, as gVisor's does not. That has the
// action all the same, and older kernels kill the thread instead.
constexpr unsigned kApiLevel = 3;

// Builds one BPF program with libseccomp. After the first failure the calls that add rules do nothing, and build()
// returns that failure.
class Filter {
 public:
  explicit Filter(std::uint32_t default_action) : context_(seccomp_init(default_action), &seccomp_release) {
    if (context_ == nullptr) {
      failure_ = -ENOMEM;
      return;
    }
    check(seccomp_api_set(kApiLevel));
    check(seccomp_attr_set(context_.get(), SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS));
    check(seccomp_attr_set(context_.get(), SCMP_FLTATR_CTL_OPTIMIZE, 2));
  }

  // Does nothing for a name that this architecture does not have.
  void add(std::uint32_t action, const char* name, const Comparisons& comparisons = {}) {
    const int number = seccomp_syscall_resolve_name(name);
    if (number >= 0) add_number(action, number, comparisons);
  }

  void add_number(std::uint32_t action, int number, const Comparisons& comparisons = {}) {
    if (failure_ != 0) return;
    check(seccomp_rule_add_array(context_.get(), action, number, static_cast<unsigned>(comparisons.size()),
                                 comparisons.empty() ? nullptr : comparisons.data()));
  }

  Result<BpfProgram> build() const {
    if (failure_ != 0) return std::unexpected(errno_error("seccomp rule", -failure_));
    const UniqueFd file(::memfd_create("seccomp", MFD_CLOEXEC));
    if (!file) return std::unexpected(errno_error("memfd_create", errno));
    if (const int error = seccomp_export_bpf(context_.get(), file.get()); error != 0) {
      return std::unexpected(errno_error("seccomp export", -error));
    }
    struct stat info{};
    if (::fstat(file.get(), &info) != 0) return std::unexpected(errno_error("fstat", errno));
    BpfProgram program(static_cast<std::size_t>(info.st_size) / sizeof(sock_filter));
    const ssize_t got = ::pread(file.get(), program.data(), program.size() * sizeof(sock_filter), 0);
    if (got != info.st_size || program.empty()) return fail(ErrorKind::kInternal, "seccomp: the program was cut");
    return program;
  }

 private:
  void check(int result) {
    if (result != 0 && failure_ == 0) failure_ = result;
  }

  std::unique_ptr<void, decltype(&seccomp_release)> context_;
  int failure_ = 0;
};

// Allows calls that are on the allowlist only with certain arguments.
void add_conditional(Filter& filter) {
  for (const char* name : {"socket", "socketpair"}) filter.add(SCMP_ACT_ALLOW, name, {low32_is(0, AF_UNIX)});
  // SO_ATTACH_FILTER and its like would run the model's BPF programs in the kernel.
  for (const int option : {SO_REUSEADDR, SO_REUSEPORT, SO_SNDBUF, SO_RCVBUF, SO_KEEPALIVE, SO_LINGER, SO_PASSCRED,
                           SO_RCVLOWAT, SO_RCVTIMEO, SO_SNDTIMEO}) {
    filter.add(SCMP_ACT_ALLOW, "setsockopt",
               {low32_is(1, SOL_SOCKET), low32_is(2, static_cast<std::uint64_t>(option))});
  }
  for (const int request : {TCGETS, kTermios2Get, TIOCGWINSZ, TIOCGPGRP, FIONREAD, FIONBIO, FIOCLEX, FIONCLEX}) {
    filter.add(SCMP_ACT_ALLOW, "ioctl", {low32_is(1, static_cast<std::uint64_t>(request))});
  }
  // These ask for a copy that shares its blocks with the original. Python's Path.copy() goes on with an ordinary copy
  // only if the file system says that it cannot.
  for (const unsigned request : {kFiclone, kFicloneRange}) {
    filter.add(SCMP_ACT_ERRNO(EOPNOTSUPP), "ioctl", {low32_is(1, request)});
  }
  // Only the caller itself. In prlimit64 the guard denies RLIMIT_CORE.
  for (const char* name : {"prlimit64", "sched_setscheduler", "sched_setparam", "sched_setattr"}) {
    filter.add(SCMP_ACT_ALLOW, name, {low32_is(0, 0)});
  }
  // Only a single process as the target: a user or a process group could include PID 1.
  filter.add(SCMP_ACT_ALLOW, "setpriority", {low32_is(0, PRIO_PROCESS)});
  filter.add(SCMP_ACT_ALLOW, "personality", {low32_is(0, kLow32)});  // only queries it
  // Only FIFOs and plain files (type 0 means a plain file, too); never devices.
  for (const std::uint64_t type : {S_IFIFO, S_IFREG, 0}) {
    filter.add(SCMP_ACT_ALLOW, "mknod", {has_bits(1, S_IFMT, type)});
    filter.add(SCMP_ACT_ALLOW, "mknodat", {has_bits(2, S_IFMT, type)});
  }
  for (const int option : {PR_SET_PDEATHSIG, PR_GET_PDEATHSIG, PR_GET_DUMPABLE, PR_SET_DUMPABLE, PR_SET_NAME,
                           PR_GET_NAME, PR_GET_SECCOMP, PR_CAPBSET_READ, PR_GET_TIMERSLACK, PR_SET_TIMERSLACK,
                           PR_SET_CHILD_SUBREAPER, PR_GET_CHILD_SUBREAPER, PR_SET_NO_NEW_PRIVS, PR_GET_NO_NEW_PRIVS,
                           PR_GET_TID_ADDRESS, PR_SET_THP_DISABLE, PR_GET_THP_DISABLE, PR_GET_KEEPCAPS, kPrSetVma}) {
    filter.add(SCMP_ACT_ALLOW, "prctl", {low32_is(0, static_cast<std::uint64_t>(option))});
  }
}

Result<BpfProgram> build_allow() {
  Filter filter(SCMP_ACT_ERRNO(EPERM));
  for (const char* name : allowed_syscalls()) filter.add(SCMP_ACT_ALLOW, name);
  for (const char* name : absent_syscalls()) filter.add(SCMP_ACT_ERRNO(ENOSYS), name);
  for (int number = kFirstUnknownSyscall; number <= kLastUnknownSyscall; ++number) {
    filter.add_number(SCMP_ACT_ERRNO(ENOSYS), number);
  }
  add_conditional(filter);
  return filter.build();
}

Result<BpfProgram> build_guard() {
  Filter filter(SCMP_ACT_ALLOW);
  const std::uint32_t denied = SCMP_ACT_ERRNO(EPERM);
  // PID 1 is the supervisor and has the model's uid. The kernel would let a process of the same uid signal it, limit it
  // and starve it.
  for (const char* name : {"kill", "tkill", "tgkill", "sched_setaffinity"}) filter.add(denied, name, {low32_is(0, 1)});
  for (const char* name : {"tgkill", "setpriority"}) filter.add(denied, name, {low32_is(1, 1)});
  // With CLONE_PARENT a child would be the supervisor's, which waits for its own; CLONE_PTRACE hands on a tracer.
  for (const int flag : {CLONE_NEWNS, CLONE_NEWCGROUP, CLONE_NEWUTS, CLONE_NEWIPC, CLONE_NEWUSER, CLONE_NEWPID,
                         CLONE_NEWNET, CLONE_PARENT, CLONE_PTRACE}) {
    const auto bit = static_cast<std::uint64_t>(static_cast<unsigned>(flag));
    filter.add(denied, "clone", {has_bits(0, bit, bit)});
  }
  // Asynchronous I/O (F_SETOWN, F_SETSIG) could send PID 1 a signal that looks like one from outside the namespace. A
  // lease stops others that open a file; a notification is the kernel's oldest way to watch directories.
  for (const int command : {F_SETOWN, F_SETSIG, 15 /* F_SETOWN_EX */, F_SETLEASE, F_NOTIFY}) {
    filter.add(denied, "fcntl", {low32_is(1, static_cast<std::uint64_t>(command))});
  }
  // Out-of-band data of unix sockets; no library uses it.
  for (const auto& [name, flags] : {std::pair{"sendto", 3U},
                                    {"recvfrom", 3U},
                                    {"sendmsg", 2U},
                                    {"recvmsg", 2U},
                                    {"sendmmsg", 3U},
                                    {"recvmmsg", 3U}}) {
    filter.add(denied, name, {has_bits(flags, MSG_OOB, MSG_OOB)});
  }
  // Merging of equal pages lets one tell what others hold in memory.
  for (const int advice : {MADV_MERGEABLE, MADV_UNMERGEABLE, MADV_HWPOISON, 101 /* MADV_SOFT_OFFLINE */}) {
    filter.add(denied, "madvise", {low32_is(2, static_cast<std::uint64_t>(advice))});
  }
  // A limit of 0 would let a handler of core dumps start again: see kNoCore.
  filter.add(denied, "setrlimit", {low32_is(0, RLIMIT_CORE)});
  filter.add(denied, "prlimit64", {low32_is(1, RLIMIT_CORE), is_set(2)});
  return filter.build();
}

Result<void> install(const BpfProgram& program) {
  const sock_fprog view{static_cast<unsigned short>(program.size()), const_cast<sock_filter*>(program.data())};
  // Without SPEC_ALLOW, older kernels enable the mitigation of speculative store bypass for every confined process,
  // which slows it down. The confinement does not depend on that mitigation. Linux before 4.17 and gVisor do not know
  // the flag, and answer EINVAL.
  for (const unsigned flags : {static_cast<unsigned>(SECCOMP_FILTER_FLAG_SPEC_ALLOW), 0U}) {
    if (::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &view) == 0) return {};
    if (errno != EINVAL) break;
  }
  return std::unexpected(errno_error("seccomp", errno));
}

}  // namespace

Result<SeccompPolicy> build_seccomp_policy() {
  auto allow = build_allow();
  if (!allow) return fail_in("allowlist", allow.error());
  auto guard = build_guard();
  if (!guard) return fail_in("guard", guard.error());
  return SeccompPolicy{*std::move(allow), *std::move(guard)};
}

Result<void> apply_seccomp_policy(const SeccompPolicy& policy) {
  // The guard must come first, because the allowlist does not contain seccomp(2).
  RETURN_IF_ERROR(install(policy.guard));
  return install(policy.allow);
}

}  // namespace modelrun::sandbox
