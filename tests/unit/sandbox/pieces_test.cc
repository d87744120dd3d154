// The small parts of the sandbox that can be looked at alone.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <optional>
#include <random>

#include "base/encoding.h"
#include "sandbox/agent_config.h"
#include "sandbox/capture.h"
#include "sandbox/cgroup.h"
#include "sandbox/channel.h"
#include "sandbox/environment.h"
#include "sandbox/https_client.h"
#include "sandbox/install.h"
#include "sandbox/landlock.h"
#include "sandbox/launcher.h"

namespace modelrun::sandbox {
namespace {

namespace fs = std::filesystem;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

// ---- StreamCapture -----------------------------------------------------------------------------------------------

TEST(Capture, EverythingWhileItFits) {
  StreamCapture capture(100);
  for (int i = 0; i < 10; ++i) capture.append("0123456789");
  const auto got = capture.finish();
  EXPECT_EQ(got.head.size(), 100U);
  EXPECT_EQ(got.head.substr(95), "56789");
  EXPECT_FALSE(got.truncated());
  EXPECT_EQ(got.total_bytes, 100U);
}

TEST(Capture, OneByteMoreCutsTheMiddle) {
  StreamCapture capture(100);
  capture.append(std::string(50, 'a') + std::string(51, 'b'));
  const auto got = capture.finish();
  EXPECT_EQ(got.head, std::string(50, 'a'));
  EXPECT_EQ(got.tail, std::string(50, 'b'));
  EXPECT_EQ(got.total_bytes, 101U);
}

TEST(Capture, AgainstAPlainStringForAnyChunks) {
  std::mt19937 random(3);
  for (int round = 0; round < 300; ++round) {
    const std::size_t limit = 64 + random() % 200;
    StreamCapture capture(limit);
    std::string all;
    for (int chunk = 0; chunk < 40; ++chunk) {
      std::string bytes(random() % 60, ' ');
      for (char& c : bytes) c = static_cast<char>('a' + random() % 26);
      capture.append(bytes);
      all += bytes;
    }
    const auto got = capture.finish();
    ASSERT_EQ(got.total_bytes, all.size());
    const std::size_t half = limit / 2;
    if (all.size() <= half * 2) {
      ASSERT_EQ(got.head, all);
    } else {
      ASSERT_EQ(got.head, all.substr(0, half));
      ASSERT_EQ(got.tail, all.substr(all.size() - half));
    }
  }
}

TEST(Capture, CharactersAreNotCutInTwo) {
  for (std::size_t shift = 0; shift < 4; ++shift) {
    StreamCapture capture(64);
    std::string text(shift, 'x');
    for (int i = 0; i < 100; ++i) text += "\xF0\x9F\x98\x80";
    capture.append(text);
    const auto got = capture.finish();
    EXPECT_EQ(make_valid_utf8(got.head), got.head);
    EXPECT_THAT(got.head + got.tail, Not(HasSubstr("\xEF\xBF\xBD"))) << shift;
  }
}

TEST(Capture, BinaryBecomesUtf8) {
  StreamCapture capture(64);
  capture.append(std::string("\xff\xfe\0a", 4));
  EXPECT_EQ(capture.finish().head,
            "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"
            "a");
}

// ---- cgroups -----------------------------------------------------------------------------------------------------

TEST(Cgroup, BothVersionsOfTheCounter) {
  EXPECT_EQ(parse_oom_kills("low 0\nhigh 0\nmax 12\noom 3\noom_kill 2\noom_group_kill 1\n"), 2);
  EXPECT_EQ(parse_oom_kills("oom_kill_disable 0\nunder_oom 0\noom_kill 7\n"), 7);
  EXPECT_EQ(parse_oom_kills("oom_kill_disable 0\nunder_oom 0\n"), std::nullopt);
  EXPECT_EQ(parse_oom_kills(""), std::nullopt);
}

TEST(Cgroup, PathsOfEveryLayout) {
  // Version 2 with a cgroup namespace, without one, version 1, and the hybrid.
  EXPECT_THAT(oom_counter_paths("0::/\n"), ElementsAre("/sys/fs/cgroup/memory.events"));
  EXPECT_THAT(oom_counter_paths("0::/kubepods/pod1/c\n"),
              ElementsAre("/sys/fs/cgroup/kubepods/pod1/c/memory.events", "/sys/fs/cgroup/memory.events"));
  EXPECT_THAT(oom_counter_paths("5:cpu,cpuacct:/x\n4:memory:/kubepods/c\n0::/\n"),
              ElementsAre("/sys/fs/cgroup/memory/kubepods/c/memory.oom_control",
                          "/sys/fs/cgroup/memory/memory.oom_control", "/sys/fs/cgroup/memory.events"));
  EXPECT_THAT(oom_counter_paths("garbage\n\n"), ElementsAre());
}

TEST(Cgroup, CpuLimits) {
  EXPECT_EQ(parse_cpu_limit("100000", "100000\n"), 1);
  EXPECT_EQ(parse_cpu_limit("150000", "100000"), 2);
  EXPECT_EQ(parse_cpu_limit("10000", "100000"), 1);
  EXPECT_EQ(parse_cpu_limit("max", "100000"), std::nullopt);
  EXPECT_EQ(parse_cpu_limit("-1", "100000"), std::nullopt);
}

// ---- Environment -------------------------------------------------------------------------------------------------

TEST(Environment, OnlyWhatTheModelMaySee) {
  const auto env = model_environment(
      {"PATH=/opt/bin", "PYTHONPATH=/x", "PYTHONSTARTUP=/x", "LD_PRELOAD=/x.so", "MY=1=2", "MODELRUN_TIMEOUT_SECONDS=3",
       "MODELRUN_LANDLOCK=optional", "MODELRUN_RUN_ID=u", "KUBERNETES_SERVICE_HOST=1", "DB_SERVICE_HOST=1",
       "DB_SERVICE_PORT_HTTP=1", "DB_PORT_80_TCP_ADDR=1", "HOME=/root", "OMP_NUM_THREADS=7", "broken"},
      3);
  for (const char* gone : {"PYTHON", "LD_PRELOAD", "KUBERNETES", "SERVICE", "TIMEOUT", "LANDLOCK", "_TCP", "broken"}) {
    EXPECT_THAT(env, Not(Contains(HasSubstr(gone)))) << gone;
  }
  for (const char* there :
       {"PATH=/opt/bin", "MY=1=2", "MODELRUN_RUN_ID=u", "HOME=/tmp", "USER=modelrun", "LOGNAME=modelrun", "TMPDIR=/tmp",
        "LANG=C.UTF-8", "OMP_NUM_THREADS=7", "OPENBLAS_NUM_THREADS=3"}) {
    EXPECT_THAT(env, Contains(there));
  }
  EXPECT_EQ(find_variable(env, "MY"), "1=2");
  EXPECT_EQ(find_variable(env, "M"), std::nullopt);
}

TEST(AgentConfig, NamesWhatIsWrong) {
  std::vector<std::string> env{"MODELRUN_RUN_SERVER=1.2.3.4:1",
                               "MODELRUN_RUN_SERVER_NAME=n",
                               "MODELRUN_RUN_SERVER_CA=c",
                               "MODELRUN_NAMESPACE=ns",
                               "MODELRUN_RUN_NAME=r",
                               "MODELRUN_RUN_ID=u",
                               "MODELRUN_ATTEMPT=2"};
  const auto config = read_agent_config(env);
  ASSERT_TRUE(config.has_value());
  EXPECT_EQ(config->server.attempt, 2);
  EXPECT_EQ(config->output_bytes, api::kMaxOutputBytes);
  EXPECT_EQ(config->artifact_bytes, api::kDefaultArtifactBytes);
  for (std::size_t i = 0; i < 6; ++i) {
    auto without = env;
    without.erase(without.begin() + static_cast<std::ptrdiff_t>(i));
    EXPECT_THAT(read_agent_config(without).error().message, HasSubstr(env[i].substr(0, env[i].find('='))));
  }
  env.back() = "MODELRUN_ATTEMPT=two";
  EXPECT_THAT(read_agent_config(env).error().message, HasSubstr("MODELRUN_ATTEMPT='two'"));
  for (const char* bad : {"MODELRUN_ATTEMPT=-1", "MODELRUN_CONNECT_SECONDS=-5", "MODELRUN_CONNECT_SECONDS=0",
                          "MODELRUN_OUTPUT_BYTES=0", "MODELRUN_STDOUT_BYTES=1048577", "MODELRUN_OUTPUT_BYTES=1048577",
                          "MODELRUN_ARTIFACT_BYTES=-1", "MODELRUN_ARTIFACT_BYTES=8388609"}) {
    env.back() = bad;
    EXPECT_FALSE(read_agent_config(env)) << bad;
  }
}

TEST(Endpoint, OnlyAddresses) {
  for (const char* good : {"10.0.0.1:8443", "[fd00::1]:443"}) EXPECT_TRUE(parse_endpoint(good).has_value()) << good;
  for (const char* bad :
       {"", "10.0.0.1", "host:1", "10.0.0.1:0", "10.0.0.1:65536", "[::1:1", "10.0.0.1:x", "fd00::1:1"}) {
    EXPECT_FALSE(parse_endpoint(bad).has_value()) << bad;
  }
  EXPECT_FALSE(parse_endpoint(std::string_view("10.0.0.1\0x:8443", 15)).has_value());
}

// ---- Landlock ----------------------------------------------------------------------------------------------------

TEST(Landlock, EachVersionAsksOnlyForWhatItKnows) {
  const Layout layout;
  EXPECT_EQ(landlock_rules(1, layout, {}).denied.handled_fs, (1U << 13U) - 1);
  EXPECT_EQ(landlock_rules(2, layout, {}).denied.handled_fs, (1U << 14U) - 1);
  EXPECT_EQ(landlock_rules(3, layout, {}).denied.handled_fs, (1U << 15U) - 1);
  EXPECT_EQ(landlock_rules(3, layout, {}).denied.handled_net, 0U);
  EXPECT_EQ(landlock_rules(4, layout, {}).denied.handled_net, 3U);
  EXPECT_EQ(landlock_rules(5, layout, {}).denied.handled_fs, (1U << 16U) - 1);
  EXPECT_EQ(landlock_rules(5, layout, {}).denied.scoped, 0U);
  EXPECT_EQ(landlock_rules(7, layout, {}).denied.scoped, 3U);
}

TEST(Landlock, RootsAreDirectoriesOfTheImageAndNoLinks) {
  std::string root = fs::temp_directory_path() / "roots-XXXXXX";
  ASSERT_NE(::mkdtemp(root.data()), nullptr);
  for (const char* name : {"usr", "repo", "dev", "proc", "sys"}) fs::create_directory(root + "/" + name);
  fs::create_symlink("usr/bin", root + "/bin");
  fs::create_symlink("/dev", root + "/a-door-to-devices");
  fs::create_symlink("nowhere", root + "/broken");
  EXPECT_THAT(image_roots(root), ElementsAre(root + "/repo", root + "/usr"));
  EXPECT_THAT(image_roots(root + "/nowhere"), ElementsAre());
  fs::remove_all(root);
}

TEST(Landlock, OnlyTheWritablePlacesAreWritable) {
  for (int abi = 1; abi <= 7; ++abi) {
    const auto rules = landlock_rules(abi, Layout(), {"/usr", "/repo"});
    for (const auto& grant : rules.grants) {
      EXPECT_EQ(grant.access & ~rules.denied.handled_fs, 0U) << grant.path;
      const bool writes = (grant.access & 2U) != 0;
      const bool may = grant.path == "/outputs" || grant.path == "/tmp" || grant.path == "/upstream" ||
                       grant.path == "/dev/shm" ||
                       (grant.path.starts_with("/dev/") && (grant.access & (1U << 8U)) == 0);
      EXPECT_EQ(writes, writes && may) << grant.path;
      EXPECT_EQ(grant.access & ((1U << 6U) | (1U << 11U)), 0U) << "devices under " << grant.path;
    }
  }
}

TEST(Landlock, Modes) {
  EXPECT_EQ(*parse_landlock_mode("required"), LandlockMode::kRequired);
  EXPECT_EQ(*parse_landlock_mode("optional"), LandlockMode::kOptional);
  for (const char* bad : {"", "Required", "off"}) EXPECT_FALSE(parse_landlock_mode(bad).has_value());
}

TEST(Launcher, StepsInTheirOrder) {
  EXPECT_THAT(launch_steps(), ElementsAre("signals", "session", "streams", "proc", "priority", "limits", "no-new-privs",
                                          "landlock", "descriptors", "directory", "seccomp"));
}

// ---- Channel -----------------------------------------------------------------------------------------------------

class ChannelTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = fs::temp_directory_path() / "channel-XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    directory_ = name;
    marker_ = name + "/marker";
  }
  void TearDown() override { fs::remove_all(directory_); }

  // The sockets of this network namespace, as the kernel lists them.
  static std::string sockets() {
    std::ifstream file("/proc/net/unix");
    return {std::istreambuf_iterator<char>(file), {}};
  }

  template <class Value>
  static std::optional<ErrorKind> failure(const Result<Value>& result) {
    return result ? std::nullopt : std::optional(result.error().kind);
  }

  std::string directory_;
  std::string marker_;
};

TEST_F(ChannelTest, MessagesAndDescriptors) {
  auto listener = AgentSocket::open();
  ASSERT_TRUE(listener.has_value());
  std::ofstream(marker_) << listener->name();
  EXPECT_EQ(listener->accept_once().error().kind, ErrorKind::kTimeout);
  auto client = Channel::connect(marker_, 1000);
  ASSERT_TRUE(client.has_value());
  auto server = listener->accept_once();
  ASSERT_TRUE(server.has_value());
  EXPECT_EQ(failure(Channel::connect(marker_, 60'000)), ErrorKind::kUnavailable) << "one connection in its life";
  EXPECT_EQ(server->receive().error().kind, ErrorKind::kTimeout);

  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  const UniqueFd read_end(ends[0]);
  const UniqueFd write_end(ends[1]);
  ASSERT_TRUE(client->send(Message::kHello, {}, {read_end.get(), write_end.get()}).has_value());
  ASSERT_TRUE(client->send(Message::kStdout, std::string(kMaxPayload, 'x')).has_value());
  const auto hello = server->receive();
  ASSERT_TRUE(hello.has_value());
  EXPECT_EQ(hello->type, Message::kHello);
  ASSERT_EQ(hello->fds.size(), 2U);
  EXPECT_NE(::fcntl(hello->fds[0].get(), F_GETFD) & FD_CLOEXEC, 0);
  EXPECT_EQ(server->receive()->payload.size(), kMaxPayload);
  client->close();
  EXPECT_EQ(server->receive().error().kind, ErrorKind::kUnavailable);
  EXPECT_EQ(server->send(Message::kGo).error().kind, ErrorKind::kUnavailable);
}

// The model may end just as its run is cancelled.
TEST_F(ChannelTest, WhatThePeerSentIsReceivedAlsoIfItHasNotReadAll) {
  auto listener = AgentSocket::open();
  ASSERT_TRUE(listener.has_value());
  std::ofstream(marker_) << listener->name();
  auto client = Channel::connect(marker_, 1000);
  auto server = listener->accept_once();
  ASSERT_TRUE(client && server);
  ASSERT_TRUE(client->send(Message::kStdout, "the last words"));
  ASSERT_TRUE(client->send(Message::kExit, "{}"));
  ASSERT_TRUE(server->send(Message::kCancel));
  client->close();
  EXPECT_EQ(server->receive().value_or(Packet{}).payload, "the last words");
  EXPECT_EQ(server->receive().value_or(Packet{}).payload, "{}");
  EXPECT_EQ(failure(server->receive()), ErrorKind::kUnavailable);
}

TEST_F(ChannelTest, AMissingSocketIsFinalOnceInstalled) {
  EXPECT_EQ(failure(Channel::connect(marker_, 50)), ErrorKind::kNotFound);
  std::ofstream(marker_) << AgentSocket::open()->name();  // closed at once
  EXPECT_EQ(failure(Channel::connect(marker_, 1'000'000'000)), ErrorKind::kUnavailable);
  std::ofstream(marker_) << std::string(108, 'x');
  EXPECT_EQ(failure(Channel::connect(marker_, 1000)), ErrorKind::kTooLarge);
}

TEST_F(ChannelTest, ASocketWhoseNameIsKnownIsWaitedFor) {
  const std::string name = fmt::format("modelrun-test-{}", ::getpid());
  const auto begin = Monotonic::now();
  EXPECT_EQ(failure(Channel::connect_named(name, 30)), ErrorKind::kUnavailable) << "nobody listens there";
  EXPECT_GE(Monotonic::now() - begin, std::chrono::milliseconds(30)) << "yet";
  auto listener = AgentSocket::open(name);
  ASSERT_TRUE(listener.has_value());
  EXPECT_EQ(listener->name(), name);
  EXPECT_TRUE(Channel::connect_named(name, 60'000).has_value());
  EXPECT_TRUE(listener->accept_once().has_value());
  EXPECT_EQ(failure(AgentSocket::open(std::string(108, 'x'))), ErrorKind::kTooLarge);
  EXPECT_EQ(failure(Channel::connect_named(std::string(108, 'x'), 1000)), ErrorKind::kTooLarge);
}

// No other name could be taken before the agent takes it, and no other user of the pod's network is taken for it.
TEST_F(ChannelTest, NamesAreRandomAndPeersHaveTheOwnUid) {
  auto one = AgentSocket::open();
  const auto other = AgentSocket::open();
  ASSERT_TRUE(one && other);
  EXPECT_NE(one->name(), other->name());
  EXPECT_THAT(sockets(), HasSubstr("@" + one->name()));
  if (::geteuid() != 0) GTEST_SKIP() << "needs root, to be somebody else";
  std::ofstream(marker_) << one->name();
  fs::permissions(directory_, fs::perms::owner_all | fs::perms::group_exec | fs::perms::others_exec);
  const pid_t stranger = ::fork();
  if (stranger == 0) {
    if (::setuid(65534) != 0 || ::access(marker_.c_str(), R_OK) != 0) ::_exit(2);
    ::_exit(failure(Channel::connect(marker_, 1000)) == ErrorKind::kDenied ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(stranger, &status, 0), stranger);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(failure(one->accept_once()), ErrorKind::kTimeout) << "the stranger is no peer";
  EXPECT_TRUE(Channel::connect(marker_, 1000).has_value());
  EXPECT_TRUE(one->accept_once().has_value());
  EXPECT_THAT(sockets(), Not(HasSubstr("@" + one->name())));
}

// ---- Install -----------------------------------------------------------------------------------------------------

TEST_F(ChannelTest, InstallsAndSealsTheTerminationLog) {
  const Layout layout(directory_);
  fs::create_directory(layout.at(api::kAgentDir));
  EXPECT_EQ(await_installed(layout, std::chrono::milliseconds(20)).error().kind, ErrorKind::kTimeout);
  for (int restart = 0; restart < 2; ++restart) ASSERT_TRUE(install_files(layout).has_value());
  ASSERT_TRUE(write_marker(layout, "name").has_value());
  EXPECT_TRUE(await_installed(layout, std::chrono::milliseconds(20)).has_value());
  const auto sealed = fs::path(layout.at(api::kModelTerminationLog)).parent_path();
  EXPECT_EQ(fs::status(sealed).permissions(), fs::perms::none);
  EXPECT_EQ(fs::file_size(layout.at(api::kHarness)), harness_text().size());
  EXPECT_GT(fs::file_size(layout.at("/modelrun/harness_values.py")), 0U);
  EXPECT_EQ(fs::status(layout.at(api::kInstalledBinary)).permissions(), static_cast<fs::perms>(0555));
  fs::permissions(sealed, fs::perms::owner_all);
}

}  // namespace
}  // namespace modelrun::sandbox
