#include "operator/flags.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace modelrun::op {
namespace {

std::variant<Flags, int> parse(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), {"modelrun-operator", "--agent-image=a", "--default-image=p"});
  std::vector<char*> raw;
  for (auto& argument : arguments) raw.push_back(argument.data());
  return parse_flags(static_cast<int>(raw.size()), raw.data());
}

TEST(Flags, TheDefaultsAreTheSafeOnes) {
  const auto flags = std::get<Flags>(parse({}));
  EXPECT_TRUE(flags.settings.landlock_required);
  EXPECT_FALSE(flags.git.allow_http || flags.git.allow_file || flags.git.allow_private_addresses ||
               flags.git.landlock_optional);
  EXPECT_EQ(flags.settings.image_volumes, controller::ImageVolumes::kAuto);
  EXPECT_EQ(flags.settings.max_timeout_seconds, 300);
  EXPECT_EQ(flags.run_server_listen.port, 9443);
  EXPECT_EQ(flags.lease_duration, std::chrono::seconds(15));
}

TEST(Flags, OfOneKernelFeatureForModelsAndGit) {
  const auto flags = std::get<Flags>(parse({"--landlock=optional", "--lease-duration", "2.5s"}));
  EXPECT_FALSE(flags.settings.landlock_required);
  EXPECT_TRUE(flags.git.landlock_optional);
  EXPECT_EQ(flags.lease_duration, std::chrono::milliseconds(2500));
}

TEST(Flags, Traces) {
  EXPECT_FALSE(std::get<Flags>(parse({})).traces.settings);
  const auto flags = std::get<Flags>(parse({"--otlp-endpoint=http://collector:4318", "--trace-sample-ratio=0.25"}));
  ASSERT_TRUE(flags.traces.settings);
  EXPECT_EQ(flags.traces.settings->collector.host, "collector");
  EXPECT_EQ(flags.traces.settings->sample_ratio, 0.25);
  EXPECT_EQ(std::get<int>(parse({"--otlp-endpoint=collector:4318"})), 2);
  EXPECT_EQ(std::get<int>(parse({"--trace-sample-ratio=1.5"})), 2);
}

TEST(Flags, Events) {
  const auto none = std::get<Flags>(parse({}));
  EXPECT_FALSE(none.events || none.settings.end_events);
  EXPECT_EQ(std::get<int>(parse({"--events-url=https://events"})), 2) << "there is no key to sign with";
  const auto path = std::filesystem::temp_directory_path() / fmt::format("events-key-{}", getpid());
  std::ofstream(path) << "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
  const auto flags = std::get<Flags>(parse({"--events-url=https://events/in", "--events-key-file=" + path.string(),
                                            "--events-source=/a", "--events-give-up-seconds=600"}));
  std::filesystem::remove(path);
  ASSERT_TRUE(flags.events && flags.settings.end_events);
  EXPECT_EQ(flags.events->sink.address.host, "events");
  EXPECT_EQ(flags.settings.end_events->source, "/a");
  EXPECT_EQ(flags.settings.end_events->give_up, std::chrono::minutes(10));
}

TEST(Flags, ImageVolumes) {
  const auto parsed = [](const char* flag) { return std::get<Flags>(parse({flag})).settings.image_volumes; };
  EXPECT_EQ(parsed("--image-volumes=auto"), controller::ImageVolumes::kAuto);
  EXPECT_EQ(parsed("--image-volumes=always"), controller::ImageVolumes::kAlways);
  EXPECT_EQ(parsed("--image-volumes=never"), controller::ImageVolumes::kNever);
  EXPECT_EQ(std::get<int>(parse({"--image-volumes=on"})), 2);
}

TEST(Flags, RingsOfARuntimeClass) {
  const auto flags =
      std::get<Flags>(parse({"--rings=gvisor=landlock:optional", "--rings", "kata.example=landlock:optional"}));
  EXPECT_TRUE(flags.settings.landlock_required);
  EXPECT_FALSE(flags.git.landlock_optional);
  EXPECT_EQ(flags.settings.runtimes_without_landlock, (std::set<std::string>{"gvisor", "kata.example"}));
  for (const char* wrong : {"--rings=gvisor", "--rings==landlock:optional", "--rings=gvisor=seccomp:optional",
                            "--rings=gvisor=landlock:required", "--rings="}) {
    EXPECT_EQ(std::get<int>(parse({wrong})), 2) << wrong;
  }
}

TEST(Flags, LabelsThatAreReliedOnAreNotPropagated) {
  EXPECT_TRUE(std::get<Flags>(parse({})).settings.propagated_labels.empty());
  const auto flags =
      std::get<Flags>(parse({"--propagate-labels=team,kueue.x-k8s.io/queue-name", "--propagate-labels", "cost"}));
  EXPECT_EQ(flags.settings.propagated_labels, (std::set<std::string>{"team", "cost", "kueue.x-k8s.io/queue-name"}));
  for (const char* wrong : {"--propagate-labels=modelrun.dev/run-uid", "--propagate-labels=team,job-name",
                            "--propagate-labels=pod-security.kubernetes.io/enforce"}) {
    EXPECT_EQ(std::get<int>(parse({wrong})), 2) << wrong;
  }
}

TEST(Flags, NamespacesAreSortedAndDistinct) {
  EXPECT_TRUE(std::get<Flags>(parse({})).watch_namespaces.empty());
  const auto flags = std::get<Flags>(parse({"--watch-namespaces=team-b,team-a", "--watch-namespaces", "team-b"}));
  EXPECT_EQ(flags.watch_namespaces, (std::vector<std::string>{"team-a", "team-b"}));
  std::string many = "--watch-namespaces=n0";
  for (std::size_t i = 1; i < runtime::kMaxWatchNamespaces; ++i) many += fmt::format(",n{}", i);
  EXPECT_EQ(std::get<Flags>(parse({many})).watch_namespaces.size(), runtime::kMaxWatchNamespaces);
  for (const std::string& wrong :
       {std::string("--watch-namespaces=*"), std::string("--watch-namespaces=Team"), std::string("--watch-namespaces="),
        std::string("--watch-namespaces=a,,b"), many + ",more"}) {
    EXPECT_EQ(std::get<int>(parse({wrong})), 2) << wrong;
  }
}

TEST(Flags, WrongOnesAreNotStartedWith) {
  for (const char* wrong : {"--landlock=no", "--lease-duration=0", "--lease-duration=601", "--workers=0",
                            "--workers=65", "--max-timeout-seconds=0", "--max-timeout-seconds=86401",
                            "--image-pull-policy=Sometimes", "--run-server-listen=nowhere", "--no-such-flag", "more"}) {
    EXPECT_EQ(std::get<int>(parse({wrong})), 2) << wrong;
  }
  EXPECT_EQ(std::get<int>(parse({"--help"})), 0);
}

}  // namespace
}  // namespace modelrun::op
