// Real repositories and a real git HTTP server for the tests of source/.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "source/files.h"
#include "source/remote.h"

namespace modelrun::source::testing {

// Standard output of a shell command; fails the test when it exits non-zero. `input`: its standard input.
std::string shell(const std::string& command, std::string_view input = {});

// A bare repository and the commits put into it by plumbing, so that hostile ones can be made too.
class Repository {
 public:
  explicit Repository(std::filesystem::path path, std::string format = "sha1");

  struct TreeEntry {
    std::string mode;  // "100644", "120000", "40000", "160000"
    std::string name;  // any bytes but NUL
    std::string id;
  };
  std::string blob(std::string_view content);
  // Entries are written as they come: no sorting, no checks.
  std::string tree(const std::vector<TreeEntry>& entries);
  std::string commit(const std::string& tree, const std::string& parent = {});
  void set_branch(const std::string& branch, const std::string& commit);

  // The usual: run.py, model/revenue.py (executable), a link to it, on `branch`.
  std::string commit_sample(const std::string& branch = "main", std::string_view run_py = "print(1)\n");

  [[nodiscard]] std::string file_url() const { return "file://" + path_.string(); }
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  [[nodiscard]] std::string git(const std::string& arguments, std::string_view input = {}) const;
  std::filesystem::path path_;
};

// git_http_server.py; says there what the first part of a path does. Ended by the destructor.
class HttpServer {
 public:
  HttpServer(const std::filesystem::path& root, const std::filesystem::path& log, const std::string& more = {});
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;
  ~HttpServer();
  [[nodiscard]] int port() const { return port_; }
  [[nodiscard]] std::string url(const std::string& path) const;
  // Lines "METHOD PATH AUTHORIZATION".
  [[nodiscard]] std::string log() const;
  // Requests whose line holds `text`.
  [[nodiscard]] int count(std::string_view text) const;

 private:
  std::filesystem::path log_;
  int pid_ = -1;
  int input_ = -1;
  int port_ = 0;
};

class GitTest : public ::testing::Test {
 protected:
  GitTest();
  [[nodiscard]] std::filesystem::path path(const std::string& name) const { return scratch_.path() / name; }
  // http, file and loopback allowed.
  static Policy lenient_policy();
  static Remote remote(std::string url);

 private:
  ScratchDir scratch_;
};

// The members of a tar.gz, a line each: "-rw-r--r-- 0/0 <size> <name>[ -> target]", by Python's tarfile.
std::string list_archive(const std::filesystem::path& path);
std::string read_member(const std::filesystem::path& path, const std::string& name);

}  // namespace modelrun::source::testing
