#include "kube/config.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "base/encoding.h"
#include "fakes/manual_clock.h"

namespace modelrun::kube {
namespace {

class ConfigTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = (std::filesystem::temp_directory_path() / "kubeconfig-XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  std::string write(const std::string& name, const std::string& content) const {
    const auto path = folder_ / name;
    std::ofstream(path) << content;
    return path.string();
  }
  std::string script(const std::string& name, const std::string& body) const {
    const auto path = write(name, "#!/bin/sh\n" + body + "\n");
    ::chmod(path.c_str(), 0755);
    return path;
  }
  std::filesystem::path folder_;
};

constexpr const char* kCluster = R"(
current-context: one
clusters:
- name: c
  cluster: {server: "https://h:6443", certificate-authority: ca.pem, tls-server-name: api}
users:
- name: u
  user: {token: first}
contexts:
- name: one
  context: {cluster: c, user: u, namespace: work}
- name: two
  context: {cluster: c, user: v}
)";

TEST_F(ConfigTest, CurrentContextAndRelativeFiles) {
  write("ca.pem", "PEM");
  const auto config = load_kubeconfig(write("config", kCluster), "");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->server, "https://h:6443");
  EXPECT_EQ(config->ca_pem, "PEM");
  EXPECT_EQ(config->tls_server_name, "api");
  EXPECT_EQ(config->namespace_, "work");
  EXPECT_EQ(config->token, "first");
}

TEST_F(ConfigTest, FirstFileWinsAndMissingOnesAreSkipped) {
  write("ca.pem", "PEM");
  const auto first = write("a", kCluster);
  const auto second = write("b",
                            "current-context: two\nusers:\n- name: u\n  user: {token: second}\n- name: v\n  user: "
                            "{client-certificate-data: " +
                                base64_encode("CERT") + ", client-key-data: " + base64_encode("KEY") + "}\n");
  const auto paths = (folder_ / "missing").string() + ":" + first + ":" + second;
  EXPECT_EQ(load_kubeconfig(paths, "")->token, "first");
  const auto two = load_kubeconfig(paths, "two");
  ASSERT_TRUE(two) << two.error().message;
  EXPECT_EQ(two->client_cert_pem, "CERT");
  EXPECT_EQ(two->client_key_pem, "KEY");
  EXPECT_EQ(two->namespace_, "default");
}

TEST_F(ConfigTest, Failures) {
  EXPECT_EQ(load_kubeconfig((folder_ / "none").string(), "").error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(load_kubeconfig(write("x", kCluster), "three").error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(load_kubeconfig(write("y", "a: [b"), "").error().kind, ErrorKind::kInvalid);
  EXPECT_EQ(load_kubeconfig(write("z", "- 1"), "").error().kind, ErrorKind::kInvalid);
  EXPECT_EQ(load_kubeconfig(write("w", "current-context: a\ncontexts:\n- name: a\n  context: {cluster: q}\n"), "")
                .error()
                .kind,
            ErrorKind::kInvalid);
  const std::string base =
      "current-context: a\nclusters:\n- {name: c, cluster: {server: s}}\ncontexts:\n- {name: a, context: {cluster: c, "
      "user: u}}\n";
  EXPECT_EQ(
      load_kubeconfig(write("v", base + "users:\n- {name: u, user: {auth-provider: {name: gcp}}}\n"), "").error().kind,
      ErrorKind::kInvalid);
  EXPECT_EQ(load_kubeconfig(write("t", base + "users:\n- {name: u, user: {exec: {command: x, apiVersion: v0}}}\n"), "")
                .error()
                .kind,
            ErrorKind::kInvalid);
}

TEST_F(ConfigTest, DefaultOrder) {
  write("ca.pem", "PEM");
  const auto path = write("config", kCluster);
  ::setenv("KUBECONFIG", path.c_str(), 1);
  EXPECT_EQ(default_config({}, {})->server, "https://h:6443");
  EXPECT_EQ(default_config((folder_ / "none").string(), {}).error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(default_config({}, "two")->token, "");
  ::unsetenv("KUBECONFIG");
  ::unsetenv("KUBERNETES_SERVICE_HOST");
  EXPECT_EQ(in_cluster().error().kind, ErrorKind::kNotFound);
}

TEST_F(ConfigTest, TokenFileIsReadAgain) {
  fakes::ManualClock clock;
  Config config;
  config.token_file = write("token", "one\n");
  TokenSource source(config, clock);
  EXPECT_EQ(source.token({}).value(), "one");
  write("token", "two\n");
  EXPECT_EQ(source.token({}).value(), "one");
  clock.advance(std::chrono::seconds{61});
  EXPECT_EQ(source.token({}).value(), "two");
  write("token", "three");
  source.rejected();
  EXPECT_EQ(source.token({}).value(), "three");
  std::filesystem::remove(folder_ / "token");
  clock.advance(std::chrono::seconds{61});
  EXPECT_EQ(source.token({}).value(), "three");
}

TEST_F(ConfigTest, ExecPluginUntilItExpires) {
  fakes::ManualClock clock;
  Config config;
  config.server = "https://h";
  config.exec = ExecPlugin{.command = script("plugin", R"(echo run >> "$LOG"
case "$KUBERNETES_EXEC_INFO" in *https://h*'"interactive":false'*) ;; *) exit 9;; esac
echo "{\"kind\":\"ExecCredential\",\"apiVersion\":\"client.authentication.k8s.io/v1\",\"status\":{\"token\":\"$1\",\"expirationTimestamp\":\"2026-01-01T01:00:00Z\"}}")"),
                           .args = {"tok"},
                           .env = {{"LOG", (folder_ / "log").string()}},
                           .api_version = "client.authentication.k8s.io/v1",
                           .install_hint = {},
                           .provide_cluster_info = true};
  TokenSource source(config, clock);
  ASSERT_TRUE(source.token({})) << source.token({}).error().message;
  EXPECT_EQ(source.token({}).value(), "tok");
  EXPECT_EQ(std::filesystem::file_size(folder_ / "log"), 4U);
  clock.advance(std::chrono::hours{1});
  EXPECT_TRUE(source.token({}));
  EXPECT_EQ(std::filesystem::file_size(folder_ / "log"), 8U);
}

TEST_F(ConfigTest, ExecPluginFailures) {
  Config config;
  const auto run = [&](const std::string& body, std::chrono::milliseconds time = std::chrono::seconds{30}) {
    config.exec =
        ExecPlugin{.command = script("p", body), .args = {}, .env = {}, .api_version = "v1", .install_hint = {}};
    return run_exec_plugin(config, time, {});
  };
  EXPECT_EQ(run("exit 3").error().kind, ErrorKind::kDenied);
  EXPECT_EQ(run("echo hello").error().kind, ErrorKind::kDenied);
  EXPECT_EQ(run("exec sleep 60", std::chrono::milliseconds{300}).error().kind, ErrorKind::kTimeout);
  config.exec->command = "/no/such/plugin";
  config.exec->install_hint = "install it";
  const auto missing = run_exec_plugin(config, std::chrono::seconds{1}, {});
  EXPECT_EQ(missing.error().kind, ErrorKind::kDenied);
  EXPECT_NE(missing.error().message.find("install it"), std::string::npos);
}

}  // namespace
}  // namespace modelrun::kube
