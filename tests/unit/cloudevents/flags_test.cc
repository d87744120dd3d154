#include "cloudevents/flags.h"

#include <gtest/gtest.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <fstream>

#include "base/encoding.h"

namespace modelrun::cloudevents {
namespace {

class EventFlagsTest : public ::testing::Test {
 protected:
  EventFlagsTest() { write("key", std::string(kKeyPrefix) + base64_encode(std::string(32, 'k'))); }
  ~EventFlagsTest() override { std::filesystem::remove_all(folder_); }

  [[nodiscard]] std::string path(const std::string& name) const { return folder_ / name; }
  void write(const std::string& name, const std::string& text) const { std::ofstream(path(name)) << text; }

  // What is said against these flags; empty: nothing is.
  static std::string refused(const EventFlags& flags) {
    const auto settings = read_settings(flags);
    return settings ? "" : settings.error().message;
  }
  [[nodiscard]] EventFlags whole() const { return {.url = "https://e.example.com/in", .key_file = path("key")}; }

 private:
  static std::filesystem::path make() {
    std::string name = std::filesystem::temp_directory_path() / "events-XXXXXX";
    return mkdtemp(name.data());
  }
  const std::filesystem::path folder_ = make();
};

TEST_F(EventFlagsTest, WithoutAUrlThereAreNone) {
  EXPECT_FALSE(read_settings({})->has_value());
  EXPECT_EQ(refused({.key_file = path("key")}), "--events-key-file and --events-ca-file need --events-url");
  EXPECT_EQ(refused({.ca_file = path("ca")}), "--events-key-file and --events-ca-file need --events-url");
}

TEST_F(EventFlagsTest, AreTaken) {
  EventFlags flags;
  CLI::App app;
  add_event_flags(app, flags);
  app.parse(
      fmt::format("--events-url http://e:81/in --events-key-file {} --events-source https://a.example.com/b "
                  "--events-timeout-seconds 3 --events-give-up-seconds 600",
                  path("key")));
  const auto settings = read_settings(flags);
  ASSERT_TRUE(settings && *settings) << settings.error().message;
  EXPECT_EQ((*settings)->sink.address.host, "e");
  EXPECT_EQ((*settings)->sink.address.port, 81);
  EXPECT_EQ((*settings)->sink.address.path, "/in");
  EXPECT_EQ((*settings)->sink.key_file, path("key"));
  EXPECT_EQ((*settings)->sink.timeout, std::chrono::seconds(3));
  EXPECT_EQ((*settings)->source, "https://a.example.com/b");
  EXPECT_EQ((*settings)->give_up, std::chrono::minutes(10));
}

TEST_F(EventFlagsTest, HaveBounds) {
  for (const char* wrong : {"--events-timeout-seconds 0", "--events-timeout-seconds 61", "--events-give-up-seconds 59",
                            "--events-give-up-seconds 604801"}) {
    EventFlags flags;
    CLI::App app;
    add_event_flags(app, flags);
    EXPECT_THROW(app.parse(wrong), CLI::ParseError) << wrong;
  }
}

TEST_F(EventFlagsTest, WhatCannotBeUsedIsSaid) {
  EXPECT_EQ(refused(whole()), "");
  auto flags = whole();
  flags.url = "https://user:secret@e.example.com";
  EXPECT_TRUE(refused(flags).starts_with("--events-url: the value is no URL of a receiver")) << refused(flags);
  flags = whole();
  flags.key_file.clear();
  EXPECT_EQ(refused(flags), "--events-url needs --events-key-file");
  flags.key_file = path("absent");
  EXPECT_TRUE(refused(flags).starts_with("--events-key-file: ")) << refused(flags);
  write("short", "whsec_c2VjcmV0");
  flags.key_file = path("short");
  EXPECT_NE(refused(flags).find("24 to 64 bytes"), std::string::npos) << refused(flags);
  EXPECT_EQ(refused(flags).find("c2VjcmV0"), std::string::npos) << refused(flags);
  flags = whole();
  flags.ca_file = path("absent");
  EXPECT_TRUE(refused(flags).starts_with("--events-ca-file: ")) << refused(flags);
  for (const auto& source : {std::string(), std::string("a b"), std::string("/a/"), std::string("/a?b"),
                             std::string("/a#b"), std::string(257, 'a')}) {
    flags = whole();
    flags.source = source;
    EXPECT_TRUE(refused(flags).starts_with("--events-source: ")) << source;
  }
}

}  // namespace
}  // namespace modelrun::cloudevents
