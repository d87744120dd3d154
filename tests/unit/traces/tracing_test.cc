#include "traces/tracing.h"

#include <gtest/gtest.h>

#include <fstream>
#include <map>

#include "fakes/manual_clock.h"

namespace modelrun::traces {
namespace {

using Variables = std::map<std::string, std::string>;

Result<TraceChoice> choice(const TraceFlags& flags, const Variables& variables) {
  return read_settings(flags, [&](const char* name) {
    const auto found = variables.find(name);
    return found == variables.end() ? std::string() : found->second;
  });
}

Result<std::optional<TraceSettings>> settings(const TraceFlags& flags, const Variables& variables) {
  const auto made = choice(flags, variables);
  RETURN_IF_ERROR(made);
  EXPECT_EQ(made->warning, "");
  return made->settings;
}

TEST(CollectorUrl, Parts) {
  struct Case {
    const char* url;
    bool secure;
    const char* host;
    int port;
    const char* path;
  };
  for (const auto& [url, secure, host, port, path] : {
           Case{"http://collector:4318/v1/traces", false, "collector", 4318, "/v1/traces"},
           Case{"https://otlp.example.com/a/b", true, "otlp.example.com", 443, "/a/b"},
           Case{"http://10.0.0.1", false, "10.0.0.1", 80, "/"},
       }) {
    const auto address = parse_collector_url(url);
    ASSERT_TRUE(address) << url;
    EXPECT_EQ(address->secure, secure) << url;
    EXPECT_EQ(address->host, host) << url;
    EXPECT_EQ(address->port, port) << url;
    EXPECT_EQ(address->path, path) << url;
  }
}

TEST(CollectorUrl, WhatIsNone) {
  for (const auto* url : {"", "collector:4318", "grpc://collector:4317", "http://", "http://:4318", "http://a:0",
                          "http://a:65536", "http://a:4318x", "http://user@a", "http://a/?q", "http://a/#f",
                          "http://a b", "http://a/\r\nX: y", "http://[fd00::1]:4318", "http://fd00::1", "http://[]"}) {
    const auto address = parse_collector_url(url);
    ASSERT_FALSE(address) << url;
    EXPECT_EQ(address.error().kind, ErrorKind::kInvalid);
  }
}

TEST(CollectorUrl, APasswordIsNotShown) {
  const auto address = parse_collector_url("http://user:secret@collector:4318");
  ASSERT_FALSE(address);
  EXPECT_EQ(address.error().message.find("secret"), std::string::npos) << address.error().message;
}

TEST(TraceSettings, WithoutAnEndpointThereIsNoTracing) {
  const auto none = settings({}, {{"OTEL_EXPORTER_OTLP_HEADERS", "a=b"}});
  ASSERT_TRUE(none);
  EXPECT_FALSE(none->has_value());
  fakes::ManualSteadyClock clock;
  runtime::Metrics metrics;
  EXPECT_EQ(start_tracing({.settings = *none}, "modelrun-operator", "pod", clock, metrics), nullptr);
}

TEST(TraceSettings, TheFlagComesBeforeTheEnvironment) {
  const Variables all{{"OTEL_EXPORTER_OTLP_ENDPOINT", "http://general:4318/"},
                      {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://special:4318/other"}};
  EXPECT_EQ((*settings({.endpoint = "http://flag:4318"}, all))->collector.host, "flag");
  EXPECT_EQ((*settings({.endpoint = "http://flag:4318"}, all))->collector.path, "/v1/traces");
  EXPECT_EQ((*settings({.endpoint = "http://flag:4318/v1/traces"}, all))->collector.path, "/v1/traces");
  // The variable for traces has a whole URL, the one for all signals its beginning.
  EXPECT_EQ((*settings({}, all))->collector.path, "/other");
  const auto general = *settings({}, {*all.find("OTEL_EXPORTER_OTLP_ENDPOINT")});
  EXPECT_EQ(general->collector.host, "general");
  EXPECT_EQ(general->collector.path, "/v1/traces");
}

TEST(TraceSettings, HeadersResourceAndCertificate) {
  const auto file = ::testing::TempDir() + "collector-ca.pem";
  std::ofstream(file) << "a certificate";
  const auto read = settings({.endpoint = "https://collector"},
                             {{"OTEL_EXPORTER_OTLP_HEADERS", "api-key=a%20b%3D, x-scope = team-a ,"},
                              {"OTEL_EXPORTER_OTLP_CERTIFICATE", file},
                              {"OTEL_RESOURCE_ATTRIBUTES", "k8s.cluster.name=prod"}});
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ((*read)->collector.headers, (Headers{{"api-key", "a b="}, {"x-scope", "team-a"}}));
  EXPECT_EQ((*read)->collector.ca_pem, "a certificate");
  ASSERT_EQ((*read)->resource.size(), 1U);
  EXPECT_EQ((*read)->resource[0].key, "k8s.cluster.name");
}

TEST(TraceSettings, TheEnvironmentNeverKeepsAProgramFromItsWork) {
  const std::string url = "OTEL_EXPORTER_OTLP_ENDPOINT";
  for (const auto& variables : {Variables{{url, "grpc://collector:4317"}},
                                Variables{{url, "http://collector:4318"}, {"OTEL_EXPORTER_OTLP_HEADERS", "none"}},
                                Variables{{url, "http://collector:4318"}, {"OTEL_TRACES_EXPORTER", "none"}},
                                Variables{{url, "http://collector:4317"}, {"OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"}}}) {
    const auto made = choice({}, variables);
    ASSERT_TRUE(made) << made.error().message;
    EXPECT_FALSE(made->settings);
    EXPECT_FALSE(made->warning.empty());
  }
  const auto disabled = choice({.endpoint = "http://collector:4318"}, {{"OTEL_SDK_DISABLED", "True"}});
  ASSERT_TRUE(disabled);
  EXPECT_FALSE(disabled->settings);
  EXPECT_TRUE(disabled->warning.empty());  // somebody wants it so
  const Variables grpc{{"OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"}, {"OTEL_TRACES_EXPORTER", "none"}};
  EXPECT_TRUE((*settings({.endpoint = "http://collector:4318"}, grpc)));  // who gives the flag means it
}

TEST(TraceSettings, AResourceThatCannotBeReadIsLeftOut) {
  const auto made = choice({.endpoint = "https://collector"}, {{"OTEL_RESOURCE_ATTRIBUTES", "a=1,b=secret%2"}});
  ASSERT_TRUE(made);
  ASSERT_TRUE(made->settings);
  EXPECT_TRUE(made->settings->resource.empty());
  EXPECT_NE(made->warning.find("OTEL_RESOURCE_ATTRIBUTES"), std::string::npos);
  EXPECT_EQ(made->warning.find("secret"), std::string::npos);
}

TEST(TraceSettings, AKeyOfTheResourceIsThereOnce) {
  const auto read = settings({.endpoint = "https://collector"}, {{"OTEL_RESOURCE_ATTRIBUTES", "a=1,b=2,a=3"}});
  ASSERT_TRUE(read);
  ASSERT_EQ((*read)->resource.size(), 2U);
  EXPECT_EQ(std::get<std::string>((*read)->resource[0].value), "3");
}

TEST(TraceSettings, WhatCannotBeUsedIsRefusedWithoutItsSecrets) {
  for (const auto& [name, value] : Variables{{"OTEL_EXPORTER_OTLP_HEADERS", "secret"},
                                             {"OTEL_EXPORTER_OTLP_TRACES_HEADERS", "api-key=secret%0d%0aX: y"},
                                             {"OTEL_EXPORTER_OTLP_CERTIFICATE", "/nowhere/ca.pem"}}) {
    const auto read = settings({.endpoint = "https://collector"}, {{name, value}});
    ASSERT_FALSE(read) << name;
    EXPECT_EQ(read.error().message.find("secret"), std::string::npos);
    EXPECT_NE(read.error().message.find(name), std::string::npos) << read.error().message;
  }
  for (const auto* header : {"Host=a", "content-length=1", "Transfer-Encoding=chunked"}) {
    EXPECT_FALSE(settings({.endpoint = "https://collector"}, {{"OTEL_EXPORTER_OTLP_HEADERS", header}})) << header;
  }
  const auto wrong = settings({.endpoint = "collector:4318"}, {});
  ASSERT_FALSE(wrong);
  EXPECT_TRUE(wrong.error().message.starts_with("--otlp-endpoint: 'collector:4318/v1/traces'"))
      << wrong.error().message;
}

}  // namespace
}  // namespace modelrun::traces
