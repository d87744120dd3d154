#include "unit/source/source_program.h"

#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <sstream>
#include <stdexcept>
#include <thread>

#include "source/channel.h"
#include "source/wire.h"

extern char** environ;

namespace modelrun::source::testing {
namespace {

pid_t parent_of(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  std::string line;
  std::getline(file, line);
  const auto end = line.rfind(')');
  if (end == std::string::npos) return 0;
  std::istringstream fields(line.substr(end + 1));
  std::string state;
  pid_t parent = 0;
  fields >> state >> parent;
  return parent;
}

}  // namespace

SourceProgram::SourceProgram(std::filesystem::path directory, std::vector<std::string> more)
    : directory_(std::move(directory)), more_(std::move(more)) {
  std::filesystem::create_directories(directory_);
  start();
}

void SourceProgram::start() {
  std::vector<std::string> words = {MODELRUN_SOURCE_PROGRAM, "--socket=" + socket(), "--scratch=" + scratch().string()};
  words.insert(words.end(), more_.begin(), more_.end());
  std::vector<char*> argv;
  for (auto& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  std::filesystem::remove(socket());
  if (::posix_spawn(&pid_, argv[0], nullptr, nullptr, argv.data(), environ) != 0) throw std::runtime_error("spawn");
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::minutes(5);
  const auto go_on = [deadline](const char* fault) {
    if (std::chrono::steady_clock::now() > deadline) throw std::runtime_error(fault);
    std::this_thread::yield();
  };
  for (; !answers(deadline);) go_on("modelrun-source does not answer");
  // The process that answered has a place among the requests until it is reaped, which a test may want for its own.
  for (; !is_idle();) go_on("modelrun-source does not become idle");
}

// Asks what is no request. A connection alone would prove nothing: the kernel makes it before the program accepts it,
// so that is_idle() does not see it yet.
bool SourceProgram::answers(std::chrono::steady_clock::time_point deadline) const {
  Channel probe(deadline, {});
  if (!probe.connect(socket())) return false;
  (void)probe.write_frame("?");
  // It ends without an answer if the program's flags let no request live; it was accepted then too.
  (void)probe.read_frame(kMaxAnswerBytes);
  return true;
}

void SourceProgram::kill() {
  if (pid_ <= 0) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
  pid_ = -1;
}

std::vector<pid_t> SourceProgram::descendants() const {
  std::vector<pid_t> found;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    const std::string name = entry.path().filename().string();
    if (name.find_first_not_of("0123456789") != std::string::npos) continue;
    const pid_t pid = std::stoi(name);
    for (pid_t at = parent_of(pid); at > 1; at = parent_of(at)) {
      if (at != pid_) continue;
      found.push_back(pid);
      break;
    }
  }
  return found;
}

bool SourceProgram::is_idle() const {
  return descendants().empty() && std::filesystem::is_empty(scratch());
}

}  // namespace modelrun::source::testing
