// The filter twice: by an evaluator of its BPF (also for what this kernel lacks), and by the kernel in a forked child.
#include "sandbox/seccomp_policy.h"

#include <gtest/gtest.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <seccomp.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <set>
#include <string>
#include <utility>

#include "sandbox/syscall_table.h"

namespace modelrun::sandbox {
namespace {

const SeccompPolicy& policy() {
  static const SeccompPolicy built = *build_seccomp_policy();
  return built;
}

// What seccomp would return for `data`: the subset of classic BPF that libseccomp emits.
std::uint32_t evaluate(const BpfProgram& program, const seccomp_data& data) {
  std::uint32_t a = 0;
  for (std::size_t pc = 0; pc < program.size(); ++pc) {
    const sock_filter& step = program[pc];
    const auto jump = [&](bool taken) { pc += taken ? step.jt : step.jf; };
    switch (step.code) {
      case BPF_LD | BPF_W | BPF_ABS:
        std::memcpy(&a, reinterpret_cast<const char*>(&data) + step.k, sizeof a);
        break;
      case BPF_ALU | BPF_AND | BPF_K:
        a &= step.k;
        break;
      case BPF_JMP | BPF_JA:
        pc += step.k;
        break;
      case BPF_JMP | BPF_JEQ | BPF_K:
        jump(a == step.k);
        break;
      case BPF_JMP | BPF_JGT | BPF_K:
        jump(a > step.k);
        break;
      case BPF_JMP | BPF_JGE | BPF_K:
        jump(a >= step.k);
        break;
      case BPF_JMP | BPF_JSET | BPF_K:
        jump((a & step.k) != 0);
        break;
      case BPF_RET | BPF_K:
        return step.k;
      default:
        ADD_FAILURE() << "unknown instruction " << step.code;
        return 0;
    }
  }
  ADD_FAILURE() << "no return";
  return 0;
}

using Arguments = std::array<std::uint64_t, 6>;

constexpr std::uint32_t kAllow = SECCOMP_RET_ALLOW;
constexpr std::uint32_t kPerm = SECCOMP_RET_ERRNO | EPERM;
constexpr std::uint32_t kAbsent = SECCOMP_RET_ERRNO | ENOSYS;

// The kernel's rule: the verdict with the smallest action wins.
std::uint32_t verdict(long number, const Arguments& arguments = {}, std::uint32_t arch = AUDIT_ARCH_X86_64) {
  seccomp_data data{static_cast<int>(number), arch, 0, {}};
  std::copy(arguments.begin(), arguments.end(), data.args);
  const std::uint32_t allow = evaluate(policy().allow, data);
  const std::uint32_t guard = evaluate(policy().guard, data);
  const auto action = [](std::uint32_t v) { return static_cast<std::int32_t>(v & SECCOMP_RET_ACTION_FULL); };
  return action(guard) < action(allow) ? guard : allow;
}

constexpr std::uint64_t kUpper = std::uint64_t{1} << 32U;  // garbage that the kernel does not look at

TEST(SeccompEvaluator, ForeignArchitecturesAndX32AreKilled) {
  EXPECT_EQ(verdict(102, {}, AUDIT_ARCH_I386), SECCOMP_RET_KILL_PROCESS);  // socketcall
  EXPECT_EQ(verdict(3, {}, AUDIT_ARCH_I386), SECCOMP_RET_KILL_PROCESS);
  EXPECT_EQ(verdict(0x40000000 | SYS_socket, {AF_UNIX}), SECCOMP_RET_KILL_PROCESS);
  EXPECT_EQ(verdict(0x40000000 | SYS_read), SECCOMP_RET_KILL_PROCESS);
}

TEST(SeccompEvaluator, OnlyUnixSockets) {
  for (const long call : {SYS_socket, SYS_socketpair}) {
    EXPECT_EQ(verdict(call, {AF_UNIX}), kAllow);
    for (int domain = 2; domain < 60; ++domain)
      EXPECT_EQ(verdict(call, {static_cast<std::uint64_t>(domain)}), kPerm) << domain;
    EXPECT_EQ(verdict(call, {kUpper | AF_INET}), kPerm);
  }
}

TEST(SeccompEvaluator, PidOneIsOutOfReach) {
  EXPECT_EQ(verdict(SYS_kill, {1, 9}), kPerm);
  EXPECT_EQ(verdict(SYS_kill, {kUpper | 1, 9}), kPerm);
  EXPECT_EQ(verdict(SYS_kill, {2, 9}), kAllow);
  EXPECT_EQ(verdict(SYS_tkill, {1, 9}), kPerm);
  EXPECT_EQ(verdict(SYS_tgkill, {1, 1, 9}), kPerm);
  EXPECT_EQ(verdict(SYS_tgkill, {7, kUpper | 1, 9}), kPerm);
  EXPECT_EQ(verdict(SYS_tgkill, {7, 8, 9}), kAllow);
  EXPECT_EQ(verdict(SYS_rt_sigqueueinfo, {1, 15}), kPerm);
  EXPECT_EQ(verdict(SYS_rt_tgsigqueueinfo, {1, 1, 15}), kPerm);
  EXPECT_EQ(verdict(SYS_prlimit64, {1, 0}), kPerm);
  EXPECT_EQ(verdict(SYS_prlimit64, {0, 0}), kAllow);
  EXPECT_EQ(verdict(SYS_sched_setaffinity, {1}), kPerm);
  EXPECT_EQ(verdict(SYS_sched_setaffinity, {7}), kAllow);
  EXPECT_EQ(verdict(SYS_sched_setscheduler, {1}), kPerm);
  EXPECT_EQ(verdict(SYS_sched_setattr, {1}), kPerm);
  EXPECT_EQ(verdict(SYS_setpriority, {PRIO_PROCESS, 1, 19}), kPerm);
  EXPECT_EQ(verdict(SYS_setpriority, {PRIO_USER, 0, 19}), kPerm);
  EXPECT_EQ(verdict(SYS_setpriority, {PRIO_PGRP, 1, 19}), kPerm);
  EXPECT_EQ(verdict(SYS_setpriority, {PRIO_PROCESS, 0, 19}), kAllow);
  EXPECT_EQ(verdict(SYS_ioprio_set, {1, 0}), kPerm);
  EXPECT_EQ(verdict(SYS_ptrace), kPerm);
  EXPECT_EQ(verdict(SYS_process_vm_readv, {1}), kPerm);
  EXPECT_EQ(verdict(SYS_process_vm_writev, {1}), kPerm);
  EXPECT_EQ(verdict(438 /* pidfd_getfd */), kPerm);
  EXPECT_EQ(verdict(424 /* pidfd_send_signal */), kAbsent);
}

TEST(SeccompEvaluator, SignalsByFileDescriptorAreOutToo) {
  for (const int command : {8 /* F_SETOWN */, 10 /* F_SETSIG */, 15 /* F_SETOWN_EX */}) {
    EXPECT_EQ(verdict(SYS_fcntl, {3, static_cast<std::uint64_t>(command)}), kPerm);
    EXPECT_EQ(verdict(SYS_fcntl, {3, kUpper | static_cast<std::uint64_t>(command)}), kPerm);
  }
  EXPECT_EQ(verdict(SYS_fcntl, {3, 4 /* F_SETFL */}), kAllow);
  EXPECT_EQ(verdict(SYS_ioctl, {0, TIOCSTI}), kPerm);
  EXPECT_EQ(verdict(SYS_ioctl, {3, 0x8901 /* FIOSETOWN */}), kPerm);
  EXPECT_EQ(verdict(SYS_ioctl, {0, TCGETS}), kAllow);
}

TEST(SeccompEvaluator, NoNamespaces) {
  for (const int flag :
       {CLONE_NEWNS, CLONE_NEWCGROUP, CLONE_NEWUTS, CLONE_NEWIPC, CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET}) {
    const auto bit = static_cast<std::uint64_t>(static_cast<unsigned>(flag));
    EXPECT_EQ(verdict(SYS_clone, {bit | 17}), kPerm) << flag;
    EXPECT_EQ(verdict(SYS_clone, {kUpper | bit | CLONE_VM}), kPerm) << flag;
  }
  EXPECT_EQ(verdict(SYS_clone, {CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD}), kAllow);
  EXPECT_EQ(verdict(SYS_clone3), kAbsent);
  for (const long call : {SYS_unshare, SYS_setns, SYS_mount, SYS_umount2, SYS_pivot_root, SYS_chroot,
                          428 /* open_tree */, 429 /* move_mount */, 430 /* fsopen */, 442 /* mount_setattr */}) {
    EXPECT_EQ(verdict(call), kPerm) << call;
  }
}

TEST(SeccompEvaluator, KernelSurfaceIsClosed) {
  for (const long call : {SYS_bpf,
                          SYS_userfaultfd,
                          SYS_perf_event_open,
                          SYS_keyctl,
                          SYS_add_key,
                          SYS_request_key,
                          SYS_open_by_handle_at,
                          SYS_kexec_load,
                          SYS_kexec_file_load,
                          SYS_init_module,
                          SYS_finit_module,
                          SYS_delete_module,
                          SYS_modify_ldt,
                          SYS_shmget,
                          SYS_shmat,
                          SYS_semget,
                          SYS_semop,
                          SYS_msgget,
                          SYS_msgsnd,
                          SYS_mq_open,
                          SYS_mq_notify,
                          SYS_quotactl,
                          SYS_swapon,
                          SYS_reboot,
                          SYS_settimeofday,
                          SYS_clock_settime,
                          SYS_adjtimex,
                          SYS_iopl,
                          SYS_ioperm,
                          SYS_acct,
                          SYS_syslog,
                          SYS_fanotify_init,
                          SYS_seccomp,
                          SYS_move_pages,
                          SYS_migrate_pages,
                          SYS_kcmp,
                          SYS_capset,
                          SYS_sethostname,
                          SYS_lookup_dcookie,
                          SYS_setgroups,
                          SYS_setuid,
                          SYS_setresgid,
                          SYS_setfsuid,
                          SYS_capget,
                          SYS_sync,
                          SYS_syncfs,
                          SYS_readahead,
                          SYS_mlock,
                          SYS_mlockall,
                          SYS_rt_sigqueueinfo,
                          SYS_rt_tgsigqueueinfo,
                          SYS_ioprio_get,
                          SYS_sched_rr_get_interval}) {
    EXPECT_EQ(verdict(call), kPerm) << call;
  }
  for (const long call : {SYS_memfd_create, SYS_splice, SYS_tee, SYS_vmsplice, SYS_execveat, SYS_inotify_init1,
                          SYS_timer_create, SYS_pkey_alloc, SYS_get_mempolicy}) {
    EXPECT_EQ(verdict(call), kAbsent) << call;
  }
  for (const long call : {425L, 426L, 427L /* io_uring */, 444L /* landlock */, 452L, 468L, 500L}) {
    EXPECT_EQ(verdict(call), kAbsent) << call;
  }
  EXPECT_EQ(verdict(SYS_personality, {0xFFFFFFFFU}), kAllow);
  EXPECT_EQ(verdict(SYS_personality, {0x0040000 /* ADDR_NO_RANDOMIZE */}), kPerm);
  EXPECT_EQ(verdict(SYS_mknodat, {0, 0, S_IFIFO | 0600}), kAllow);
  EXPECT_EQ(verdict(SYS_mknodat, {0, 0, S_IFCHR | 0600}), kPerm);
  EXPECT_EQ(verdict(SYS_mknodat, {0, 0, S_IFBLK | 0600}), kPerm);
  EXPECT_EQ(verdict(SYS_prctl, {PR_SET_NAME}), kAllow);
  EXPECT_EQ(verdict(SYS_prctl, {35 /* PR_SET_MM */}), kPerm);
  EXPECT_EQ(verdict(SYS_prctl, {PR_SET_SECCOMP}), kPerm);
}

TEST(SeccompEvaluator, ArgumentsOfWhatIsAllowed) {
  for (const int option :
       {26 /* SO_ATTACH_FILTER */, 27, 44 /* SO_LOCK_FILTER */, 50 /* SO_ATTACH_BPF */, 51, 52, 68}) {
    EXPECT_EQ(verdict(SYS_setsockopt, {3, SOL_SOCKET, static_cast<std::uint64_t>(option)}), kPerm) << option;
    EXPECT_EQ(verdict(SYS_setsockopt, {3, kUpper | SOL_SOCKET, kUpper | static_cast<std::uint64_t>(option)}), kPerm);
  }
  EXPECT_EQ(verdict(SYS_setsockopt, {3, SOL_SOCKET, SO_SNDBUF}), kAllow);
  EXPECT_EQ(verdict(SYS_setsockopt, {3, 6 /* IPPROTO_TCP */, 1}), kPerm);
  for (const auto& [call, flags] : {std::pair{SYS_sendto, 3},
                                    {SYS_recvfrom, 3},
                                    {SYS_sendmsg, 2},
                                    {SYS_recvmsg, 2},
                                    {SYS_sendmmsg, 3},
                                    {SYS_recvmmsg, 3}}) {
    Arguments arguments{};
    arguments.at(static_cast<std::size_t>(flags)) = MSG_NOSIGNAL | MSG_DONTWAIT;
    EXPECT_EQ(verdict(call, arguments), kAllow) << call;
    arguments.at(static_cast<std::size_t>(flags)) |= kUpper | MSG_OOB;
    EXPECT_EQ(verdict(call, arguments), kPerm) << call;
  }
  for (const std::uint64_t request :
       {0xC020660BUL /* FIEMAP */, 0x8915UL /* SIOCGIFADDR */, 0x5430UL /* TIOCSPTLCK */, 0x80045430UL /* TIOCGPTN */,
        0x541CUL /* TIOCLINUX */, 0x540EUL /* TIOCSCTTY */, 0x5423UL /* TIOCSETD */}) {
    EXPECT_EQ(verdict(SYS_ioctl, {3, request}), kPerm) << request;
    EXPECT_EQ(verdict(SYS_ioctl, {3, kUpper | request}), kPerm) << request;
  }
  for (const std::uint64_t request : {0x40049409UL /* FICLONE */, 0x4020940DUL /* FICLONERANGE */}) {
    EXPECT_EQ(verdict(SYS_ioctl, {3, request}), SECCOMP_RET_ERRNO | EOPNOTSUPP) << request;
    EXPECT_EQ(verdict(SYS_ioctl, {3, kUpper | request}), SECCOMP_RET_ERRNO | EOPNOTSUPP) << request;
  }
  for (const std::uint64_t request : {TCGETS, FIONREAD, FIONBIO, FIOCLEX, TIOCGWINSZ}) {
    EXPECT_EQ(verdict(SYS_ioctl, {3, request}), kAllow) << request;
  }
  for (const std::uint64_t command : {1024 /* F_SETLEASE */, 1026 /* F_NOTIFY */}) {
    EXPECT_EQ(verdict(SYS_fcntl, {3, kUpper | command}), kPerm);
  }
  for (const std::uint64_t advice : {12 /* MERGEABLE */, 13, 100 /* HWPOISON */, 101}) {
    EXPECT_EQ(verdict(SYS_madvise, {0, 4096, kUpper | advice}), kPerm);
  }
  EXPECT_EQ(verdict(SYS_madvise, {0, 4096, 4 /* DONTNEED */}), kAllow);
  EXPECT_EQ(verdict(SYS_clone, {CLONE_PARENT | 17}), kPerm);
  EXPECT_EQ(verdict(SYS_clone, {CLONE_PTRACE | 17}), kPerm);
}

// Which calls are let through with some argument is found by the evaluator, so that the list that is printed is whole.
TEST(SeccompEvaluator, TheListIsThatOfTheFilter) {
  std::set<std::string> listed;
  for (const char* name : conditional_syscalls()) EXPECT_TRUE(listed.insert(name).second) << name;
  for (const char* name : allowed_syscalls()) EXPECT_TRUE(listed.insert(name).second) << name;
  for (const char* name : absent_syscalls()) EXPECT_TRUE(listed.insert(name).second) << name;
  for (int number = 0; number < 460; ++number) {
    const std::unique_ptr<char, decltype(&std::free)> name(seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, number),
                                                           &std::free);
    if (name == nullptr || listed.contains(name.get())) continue;
    for (const std::uint64_t value : {0UL, 1UL, 2UL, 0x5401UL, 0xFFFFFFFFUL}) {
      const auto got = verdict(number, {value, value, value, value, value, value});
      EXPECT_TRUE(got == kPerm || (number >= 452 && got == kAbsent)) << name.get();
    }
  }
}

TEST(SeccompEvaluator, TheLimitOfCoreDumpsStays) {
  EXPECT_EQ(verdict(SYS_setrlimit, {kUpper | RLIMIT_CORE, 0x1000}), kPerm);
  EXPECT_EQ(verdict(SYS_setrlimit, {RLIMIT_NOFILE, 0x1000}), kAllow);
  EXPECT_EQ(verdict(SYS_prlimit64, {0, RLIMIT_CORE, 0x1000, 0}), kPerm);
  EXPECT_EQ(verdict(SYS_prlimit64, {0, kUpper | RLIMIT_CORE, kUpper, 0}), kPerm);
  EXPECT_EQ(verdict(SYS_prlimit64, {0, RLIMIT_CORE, 0, 0x1000}), kAllow);
  EXPECT_EQ(verdict(SYS_prlimit64, {0, RLIMIT_NOFILE, 0x1000, 0}), kAllow);
}

TEST(SeccompEvaluator, WhatProgramsNeedIsThere) {
  for (const long call : {SYS_read,
                          SYS_write,
                          SYS_openat,
                          SYS_mmap,
                          SYS_futex,
                          SYS_execve,
                          SYS_wait4,
                          SYS_getrandom,
                          SYS_rseq,
                          SYS_epoll_wait,
                          SYS_pipe2,
                          SYS_sendmsg,
                          SYS_sched_getaffinity,
                          SYS_prlimit64,
                          SYS_statx,
                          SYS_clock_nanosleep,
                          SYS_eventfd2,
                          SYS_close_range,
                          SYS_rt_sigaction,
                          SYS_copy_file_range,
                          SYS_sendfile,
                          SYS_getdents64}) {
    EXPECT_EQ(verdict(call), kAllow) << call;
  }
}

// ---- In the kernel -----------------------------------------------------------------------------------------------

// Runs `attempt` under the filter in a child; its return value (0 or an errno) is the child's exit code. 1000 + n:
// killed.
template <class Attempt>
int under_filter(const Attempt& attempt) {
  const SeccompPolicy& built = policy();
  const pid_t child = ::fork();
  if (child == 0) {
    ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    if (!apply_seccomp_policy(built)) ::_exit(250);
    ::syscall(SYS_exit_group, attempt());
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFSIGNALED(status) ? 1000 + WTERMSIG(status) : WEXITSTATUS(status);
}

template <class... Args>
int errno_of(long number, Args... args) {
  return ::syscall(number, args...) < 0 ? errno : 0;
}

TEST(SeccompKernel, AllowedCallsWork) {
  EXPECT_EQ(under_filter([] { return errno_of(SYS_getpid); }), 0);
  EXPECT_EQ(under_filter([] { return errno_of(SYS_socket, AF_UNIX, SOCK_STREAM, 0); }), 0);
  EXPECT_EQ(under_filter([] {
              int ends[2];
              return errno_of(SYS_socketpair, AF_UNIX, SOCK_STREAM, 0, ends);
            }),
            0);
  EXPECT_EQ(under_filter([] {
              rlimit limit{};
              return errno_of(SYS_prlimit64, 0, RLIMIT_NOFILE, nullptr, &limit);
            }),
            0);
  EXPECT_EQ(under_filter([] {
              const pid_t child = ::fork();
              if (child == 0) ::_exit(7);
              int status = 0;
              ::waitpid(child, &status, 0);
              return WEXITSTATUS(status);
            }),
            7);
}

TEST(SeccompKernel, ForbiddenCallsFail) {
  EXPECT_EQ(under_filter([] { return errno_of(SYS_socket, AF_INET, SOCK_STREAM, 0); }), EPERM);
  EXPECT_EQ(under_filter([] { return errno_of(SYS_socket, AF_NETLINK, SOCK_RAW, 0); }), EPERM);
  EXPECT_EQ(under_filter([] { return errno_of(SYS_socket, 38 /* AF_ALG */, SOCK_SEQPACKET, 0); }), EPERM);
  EXPECT_EQ(under_filter([] { return errno_of(SYS_unshare, CLONE_NEWUSER); }), EPERM);
  EXPECT_EQ(under_filter([] { return errno_of(SYS_ptrace, 0, 0, 0, 0); }), EPERM);
  EXPECT_EQ(under_filter([] { return errno_of(SYS_kill, 1, 0); }), EPERM);
  EXPECT_EQ(under_filter([] { return errno_of(SYS_bpf, 0, nullptr, 0); }), EPERM);
  EXPECT_EQ(under_filter([] { return errno_of(SYS_clone3, nullptr, 0); }), ENOSYS);
  EXPECT_EQ(under_filter([] { return errno_of(425, 1, nullptr); }), ENOSYS);
  EXPECT_EQ(under_filter([] { return errno_of(SYS_clone, CLONE_NEWNS | SIGCHLD, 0, 0, 0, 0); }), EPERM);
}

TEST(SeccompKernel, TheChildrenInheritIt) {
  EXPECT_EQ(under_filter([] {
              const pid_t child = ::fork();
              if (child == 0) ::_exit(errno_of(SYS_socket, AF_INET, SOCK_STREAM, 0));
              int status = 0;
              ::waitpid(child, &status, 0);
              return WEXITSTATUS(status);
            }),
            EPERM);
}

#if defined(__x86_64__)
TEST(SeccompKernel, X32NumbersKill) {
  EXPECT_EQ(under_filter([] { return errno_of(0x40000000 | SYS_getpid); }), 1000 + SIGSYS);
}
#endif

}  // namespace
}  // namespace modelrun::sandbox
