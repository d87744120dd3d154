#include "gateway/flags.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace modelrun::gateway {
namespace {

// The exit code, or 0 for flags that may be started with.
int code_of(std::vector<const char*> arguments) {
  arguments.insert(arguments.begin(), "modelrun-gateway");
  const auto parsed = parse_flags(static_cast<int>(arguments.size()), arguments.data());
  const int* code = std::get_if<int>(&parsed);
  return code == nullptr ? 0 : *code;
}

TEST(Flags, WhatMustNotBeStarted) {
  EXPECT_EQ(code_of({}), 0);
  EXPECT_EQ(code_of({"--auth=off"}), 0);
  EXPECT_EQ(code_of({"--auth=off", "--listen=[::1]:1"}), 0);
  // Everybody who can connect would have the gateway's rights.
  EXPECT_EQ(code_of({"--auth=off", "--listen=0.0.0.0:1", "--insecure-http"}), 2);
  EXPECT_EQ(code_of({"--auth=off", "--listen=[::]:1", "--insecure-http"}), 2);
  EXPECT_EQ(code_of({"--auth=off", "--watch-namespaces=a,default"}), 0);
  EXPECT_EQ(code_of({"--auth=off", "--watch-namespaces=a"}), 2) << "everybody has the namespace default";
  EXPECT_EQ(code_of({"--auth=no"}), 2);
  // Tokens in the clear.
  EXPECT_EQ(code_of({"--listen=0.0.0.0:1"}), 2);
  EXPECT_EQ(code_of({"--listen=0.0.0.0:1", "--insecure-http"}), 0);
  EXPECT_EQ(code_of({"--listen=0.0.0.0:1", "--tls-cert=c", "--tls-key=k"}), 0);
  EXPECT_EQ(code_of({"--tls-cert=c"}), 2);
  EXPECT_EQ(code_of({"--allowed-host=a b"}), 2);
  EXPECT_EQ(code_of({"--max-waiting-per-caller=0"}), 2);
  EXPECT_EQ(code_of({"--max-logs-per-caller=0"}), 2);
  EXPECT_EQ(code_of({"--max-connections-per-peer=0"}), 2);
  EXPECT_EQ(code_of({"--max-connections-per-peer=5000", "--max-waiting-per-caller=2000", "--max-logs-per-caller=64"}),
            0);
  EXPECT_EQ(code_of({"--jwt-issuers=/dev/null/nothing"}), 2);
  EXPECT_EQ(code_of({"--otlp-endpoint=http://collector:4318", "--trace-sample-ratio=0"}), 0);
  EXPECT_EQ(code_of({"--otlp-endpoint=collector:4318"}), 2);
  EXPECT_EQ(code_of({"--trace-sample-ratio=2"}), 2);
}

TEST(Flags, ThoseOfEveryProgram) {
  const char* given[] = {"modelrun-gateway", "--http-listen=[::1]:9", "--log-format=json", "--log-level", "warn"};
  const auto flags = std::get<Flags>(parse_flags(5, given));
  EXPECT_EQ(flags.http_listen.address, "::1");
  EXPECT_EQ(flags.http_listen.port, 9);
  EXPECT_EQ(flags.log_format, log::Format::kJson);
  EXPECT_EQ(flags.log_level, log::Level::kWarn);
  EXPECT_EQ(std::get<Flags>(parse_flags(1, given)).http_listen.port, 8080);
  for (const char* wrong :
       {"--http-listen=nowhere", "--log-format=xml", "--log-level=loud", "--no-such-flag", "more"}) {
    EXPECT_EQ(code_of({wrong}), 2) << wrong;
  }
  EXPECT_EQ(code_of({"--help"}), 0);
}

TEST(Flags, ThePublicUrlIsOneThatClientsCanUse) {
  const auto url_of = [](const char* url) {
    const char* arguments[] = {"modelrun-gateway", "--public-url", url};
    const auto parsed = parse_flags(3, arguments);
    const auto* flags = std::get_if<Flags>(&parsed);
    return flags == nullptr ? std::string("refused") : flags->app.public_url;
  };
  EXPECT_EQ(url_of("https://models.example.com"), "https://models.example.com");
  EXPECT_EQ(url_of("https://models.example.com/"), "https://models.example.com");
  EXPECT_EQ(url_of("http://[::1]:8443"), "http://[::1]:8443");
  for (const char* wrong :
       {"models.example.com", "ftp://models.example.com", "https://", "https:///mcp", "https://a/mcp", "https://a?b",
        "https://a#b", "https://u:p@a", "https://a b", "https://a:port", "https://a//"}) {
    EXPECT_EQ(url_of(wrong), "refused") << wrong;
  }
}

TEST(Flags, HostsLoseTheirCase) {
  const char* arguments[] = {"modelrun-gateway", "--allowed-host", "Models.Example"};
  const auto parsed = parse_flags(3, arguments);
  EXPECT_THAT(std::get<Flags>(parsed).app.origins.hosts, testing::ElementsAre("models.example"));
}

}  // namespace
}  // namespace modelrun::gateway
