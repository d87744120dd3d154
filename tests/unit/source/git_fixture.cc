#include "unit/source/git_fixture.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <fstream>
#include <sstream>

extern char** environ;

namespace modelrun::source::testing {
namespace {

std::string unhex(std::string_view hex) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes += static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16));
  }
  return bytes;
}

std::string read_file(const std::filesystem::path& path) {
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

std::string trimmed(std::string text) {
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text;
}

ScratchDir make_scratch() {
  auto made = ScratchDir::make(std::filesystem::temp_directory_path());
  if (!made) throw std::runtime_error(made.error().message);
  return std::move(*made);
}

}  // namespace

std::string shell(const std::string& command, std::string_view input) {
  const ScratchDir scratch = make_scratch();
  const auto in = scratch.path() / "in";
  const auto out = scratch.path() / "out";
  std::ofstream(in, std::ios::binary) << input;
  const int status = std::system(fmt::format("({}) <{} >{}", command, in.string(), out.string()).c_str());
  EXPECT_EQ(status, 0) << command;
  return read_file(out);
}

Repository::Repository(std::filesystem::path path, std::string format) : path_(std::move(path)) {
  shell(fmt::format("git init -q --bare --object-format={} -b main {}", format, path_.string()));
}

std::string Repository::git(const std::string& arguments, std::string_view input) const {
  return trimmed(
      shell(fmt::format("GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@b GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@b "
                        "GIT_AUTHOR_DATE='1700000000 +0000' GIT_COMMITTER_DATE='1700000000 +0000' "
                        "git --git-dir={} {}",
                        path_.string(), arguments),
            input));
}

std::string Repository::blob(std::string_view content) {
  return git("hash-object -w --stdin", content);
}

std::string Repository::tree(const std::vector<TreeEntry>& entries) {
  std::string bytes;
  for (const TreeEntry& entry : entries) {
    bytes += entry.mode + " " + entry.name;
    bytes += '\0';
    bytes += unhex(entry.id);
  }
  return git("hash-object -t tree --literally -w --stdin", bytes);
}

std::string Repository::commit(const std::string& tree, const std::string& parent) {
  return git("commit-tree -m x " + (parent.empty() ? "" : "-p " + parent + " ") + tree);
}

void Repository::set_branch(const std::string& branch, const std::string& commit) {
  (void)git("update-ref 'refs/heads/" + branch + "' " + commit);
}

std::string Repository::commit_sample(const std::string& branch, std::string_view run_py) {
  const std::string model = tree({{"120000", "link.py", blob("../run.py")}, {"100755", "revenue.py", blob("x = 1\n")}});
  const std::string root = tree({{"40000", "model", model}, {"100644", "run.py", blob(run_py)}});
  const std::string id = commit(root);
  set_branch(branch, id);
  return id;
}

HttpServer::HttpServer(const std::filesystem::path& root, const std::filesystem::path& log, const std::string& more)
    : log_(log) {
  std::array<int, 2> in{};
  std::array<int, 2> out{};
  if (::pipe2(in.data(), O_CLOEXEC) != 0 || ::pipe2(out.data(), O_CLOEXEC) != 0) throw std::runtime_error("pipe");
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, in[0], 0);
  posix_spawn_file_actions_adddup2(&actions, out[1], 1);
  const std::string command =
      fmt::format("exec python3 {} {} {} {}", MODELRUN_GIT_HTTP_SERVER, root.string(), log.string(), more);
  std::array<char*, 4> argv = {const_cast<char*>("sh"), const_cast<char*>("-c"), const_cast<char*>(command.c_str()),
                               nullptr};
  if (::posix_spawn(&pid_, "/bin/sh", &actions, nullptr, argv.data(), environ) != 0) throw std::runtime_error("spawn");
  posix_spawn_file_actions_destroy(&actions);
  ::close(in[0]);
  ::close(out[1]);
  input_ = in[1];
  std::FILE* stream = ::fdopen(out[0], "r");
  if (std::fscanf(stream, "%d", &port_) != 1) throw std::runtime_error("the server did not start");
  std::fclose(stream);
}

HttpServer::~HttpServer() {
  ::close(input_);
  ::waitpid(pid_, nullptr, 0);
}

std::string HttpServer::url(const std::string& path) const {
  return fmt::format("http://127.0.0.1:{}/{}", port_, path);
}
std::string HttpServer::log() const {
  return read_file(log_);
}

int HttpServer::count(std::string_view text) const {
  std::istringstream lines(log());
  int found = 0;
  for (std::string line; std::getline(lines, line);) found += line.find(text) != std::string::npos ? 1 : 0;
  return found;
}

GitTest::GitTest() : scratch_(make_scratch()) {}

Policy GitTest::lenient_policy() {
  Policy policy;
  policy.allow_http = policy.allow_file = policy.allow_private_addresses = true;
  policy.resolve_timeout = policy.fetch_timeout = std::chrono::minutes(5);  // a busy machine is no fault
  return policy;
}

Remote GitTest::remote(std::string url) {
  Remote result;
  result.url = std::move(url);
  return result;
}

std::string list_archive(const std::filesystem::path& path) {
  return shell(fmt::format(
      "python3 -c \"import tarfile,stat\nfor m in tarfile.open('{}'): print(stat.filemode(m.mode | (0o40000 if "
      "m.isdir() "
      "else 0o120000 if m.issym() else 0o100000)), str(m.uid)+'/'+str(m.gid)+'/'+str(m.mtime), m.size, m.name, "
      "m.linkname)\"",
      path.string()));
}

std::string read_member(const std::filesystem::path& path, const std::string& name) {
  return shell(fmt::format(
      "python3 -c \"import tarfile,sys; sys.stdout.buffer.write(tarfile.open('{}').extractfile('{}').read())\"",
      path.string(), name));
}

}  // namespace modelrun::source::testing
