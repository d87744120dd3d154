// Each attack is tried without the confinement first: it must succeed there, or it proves nothing.
#include "source/git/confinement.h"

#include <gmock/gmock.h>

#include <fstream>

#include "source/git/process.h"
#include "unit/source/git_fixture.h"

namespace modelrun::source::testing {
namespace {

class ConfinementTest : public GitTest {
 protected:
  void SetUp() override {
    std::filesystem::create_directory(path("work"));
    std::ofstream(path("token")) << "operator's token";
    spec_.writable = path("work");
  }

  // The exit code of the Python program.
  int run(const std::string& program, bool confined) {
    auto confinement = Confinement::make(spec_);
    EXPECT_TRUE(confinement) << confinement.error().message;
    if (!confinement->has_landlock()) return -1;
    ProcessSpec process;
    process.argv = {"/usr/bin/python3", "-Ic", program};
    process.environment = {"PATH=/usr/bin:/bin"};
    process.directory = path("work");
    process.confinement = confined ? &*confinement : nullptr;
    process.deadline = std::chrono::steady_clock::now() + std::chrono::minutes(5);
    process.max_file_bytes = 1U << 20U;
    const auto end = run_process(process, [](std::string_view) -> Result<void> { return {}; }, {});
    EXPECT_TRUE(end) << end.error().message;
    if (end->exit_code > 1) ADD_FAILURE() << end->diagnostics;
    return end->exit_code;
  }

  void expect_denied(const std::string& attack) {
    if (!Confinement::make(spec_)->has_landlock()) GTEST_SKIP() << "the kernel has no Landlock";
    EXPECT_EQ(run(attack, false), 0) << "the control must succeed: " << attack;
    EXPECT_EQ(run(attack, true), 1) << attack;
  }

  ConfinementSpec spec_;
};

TEST_F(ConfinementTest, ReadsAndWritesItsScratchDirectory) {
  if (!Confinement::make(spec_)->has_landlock()) GTEST_SKIP() << "the kernel has no Landlock";
  EXPECT_EQ(
      run("open('x','w').write('1'); import os; os.mkdir('d'); os.rename('x','d/y'); print(open('d/y').read())", true),
      0);
}

TEST_F(ConfinementTest, CannotReadTheOperatorsToken) {
  expect_denied("open('" + path("token").string() + "')");
}

TEST_F(ConfinementTest, CannotWriteElsewhere) {
  expect_denied("open('" + path("new").string() + "','w')");
}

TEST_F(ConfinementTest, CannotReadTheOperatorsMemoryOrEnvironment) {
  expect_denied("import os; open(f'/proc/{os.getppid()}/environ')");
  expect_denied("import os; open(f'/proc/{os.getppid()}/mem')");
}

TEST_F(ConfinementTest, CannotRunWhatItWrote) {
  expect_denied(
      "import os,subprocess,sys\nopen('p','w').write('#!/bin/sh\\n'); os.chmod('p',0o755); subprocess.run(['./p'])");
}

TEST_F(ConfinementTest, CannotSignalTheOperator) {
  expect_denied("import os; os.kill(os.getppid(), 0)");
}

// Also where the kernel is too old to keep signals within a Landlock domain.
TEST_F(ConfinementTest, CannotSignalAnybody) {
  expect_denied(
      "import os\nr, w = os.pipe()\npid = os.fork()\nif pid == 0:\n os.close(w); os.read(r, 1); os._exit(0)\n"
      "os.kill(pid, 9)");
  expect_denied("import signal; signal.raise_signal(0)");
}

TEST_F(ConfinementTest, CannotLeaveItsSession) {
  expect_denied(
      "import os\npid = os.fork()\nif pid == 0:\n try: os.setsid()\n except OSError: os._exit(1)\n os._exit(0)\n"
      "os._exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))");
}

TEST_F(ConfinementTest, CannotMakeOddSockets) {
  expect_denied("import socket; socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)");
}

TEST_F(ConfinementTest, CannotMakeUnixSockets) {
  spec_.port = 443;
  expect_denied("import socket; socket.socket(socket.AF_UNIX)");
}

TEST_F(ConfinementTest, WithoutAPortThereIsNoNetwork) {
  expect_denied("import socket; socket.socket()");
}

TEST_F(ConfinementTest, ConnectsToItsPortOnly) {
  HttpServer server(path("work"), path("log"));
  const std::string connect = fmt::format("import socket; socket.create_connection(('127.0.0.1',{}))", server.port());
  spec_.port = 443;
  expect_denied(connect);
  spec_.port = static_cast<std::uint16_t>(server.port());
  EXPECT_EQ(run(connect, true), 0);
}

}  // namespace
}  // namespace modelrun::source::testing
