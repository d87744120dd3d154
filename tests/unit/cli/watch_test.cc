// `get --watch`, `get -o yaml`, and the options of `logs` that need a pod.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/yaml.h"
#include "fixture.h"

namespace modelrun::cli {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::Not;

struct WatchTest : testing::Test, Program {
  // What happens at the first, second, ... watch. The user presses Ctrl-C when `lines` lines have been printed in all.
  void at_watches(std::size_t lines, std::vector<std::function<fakes::Fault()>> steps) {
    stop = {};
    auto next = std::make_shared<std::size_t>(0);
    server.set_hook([next, steps = std::move(steps)](const kube::Request& request, int) {
      if (request.path.find("watch=true") == std::string::npos || *next == steps.size()) return fakes::Fault::kNone;
      return steps[(*next)++]();
    });
    on_print = [this, lines] {
      if (lines_of(out) + lines_of(err) >= lines) stop.request_stop();
    };
  }
  fakes::Fault put(const std::string& name, const std::string& phase, fakes::Fault fault = fakes::Fault::kNone) {
    put_run(name, {{"phase", phase}});
    return fault;
  }
  static std::size_t lines_of(const std::string& text) {
    return static_cast<std::size_t>(std::ranges::count(text, '\n'));
  }
  [[nodiscard]] std::size_t lines() const { return lines_of(out); }
};

TEST_F(WatchTest, PrintsTheTableAndThenALineForEachChange) {
  put("a", "Pending");
  at_watches(5, {[&] { return put("a", "Running"), put("bbbbbbbbbbbb", "Pending"), put("a", "Succeeded"); }});
  EXPECT_EQ(run({"get", "--watch"}), 130);
  EXPECT_THAT(err, HasSubstr("Stopped watching."));
  EXPECT_TRUE(out.starts_with("NAME ")) << out;
  EXPECT_EQ(lines(), 5U) << out;
  const auto pending = out.find("Pending"), running = out.find("Running"), done = out.find("Succeeded");
  EXPECT_LT(pending, running) << out;
  EXPECT_LT(running, done) << out;
  EXPECT_EQ(out.find("NAME", 4), std::string::npos) << "one header";
}

TEST_F(WatchTest, ListsAnewAfterATroubleAndPrintsNothingTwice) {
  put("a", "Pending");
  put("b", "Pending");
  at_watches(6, {[&] { return put("a", "Running", fakes::Fault::kDropBefore); },
                 [&] { return put("b", "Running", fakes::Fault::k410); }});
  EXPECT_EQ(run({"get", "-w"}), 130);
  EXPECT_EQ(lines(), 5U) << out;
  EXPECT_THAT(err, HasSubstr("trying again"));
}

TEST_F(WatchTest, OfPhasesShowsWhoEntersAndWhoLeavesThem) {
  put("a", "Pending");
  put("b", "Running");
  at_watches(4, {[&] { return put("c", "Pending"), put("b", "Failed"), put("b", "Cancelled"), put("a", "Running"); }});
  EXPECT_EQ(run({"get", "-w", "--phase", "Running"}), 130);
  EXPECT_THAT(out, HasSubstr("Failed")) << "that it leaves is the last to be told of b";
  EXPECT_THAT(out, Not(HasSubstr("Cancelled")));
  EXPECT_THAT(out, Not(HasSubstr("Pending")));
  EXPECT_EQ(lines(), 4U) << out;
}

TEST_F(WatchTest, OfOneRun) {
  put("a", "Pending");
  put("b", "Pending");
  at_watches(3, {[&] { return put("b", "Running"), put("a", "Running"); }});
  EXPECT_EQ(run({"get", "a", "--watch"}), 130);
  EXPECT_THAT(out, Not(HasSubstr("b "))) << out;
  stop = {};
  on_print = {};
  EXPECT_EQ(run({"get", "absent", "--watch"}), 1);
  EXPECT_THAT(err, HasSubstr("no such object"));
}

TEST_F(WatchTest, SaysWhatWasDeleted) {
  put("a", "Pending");
  at_watches(3, {[&] {
               kube::Client client(server);
               EXPECT_TRUE(client.remove(kube::kModelRuns, "ns", "a", {}));
               return fakes::Fault::kNone;
             }});
  EXPECT_EQ(run({"list", "--watch"}), 130);
  EXPECT_THAT(err, HasSubstr("a was deleted"));
}

TEST(Yaml, IsReadBackAsItWas) {
  const json value = json::parse(R"({
    "a": [1, -2, 2.5, 1e30, true, null, "", "x y", "no", "n", "017", "1e3", "~", ": ", "a: b", "- c", "#", "\u0001\n\t\"", "ä"],
    "on": {"y": {}, "empty": [], "nested": [[1, [2]], {"b": [{"c": "2026-01-01T00:00:00Z"}]}]},
    "key with spaces": "path/of.a-file_1", "1": "one", "<<": "merge"})");
  const auto text = to_yaml(value);
  const auto read = parse_yaml(text);
  ASSERT_TRUE(read) << read.error().message << text;
  ASSERT_EQ(read->size(), 1U);
  EXPECT_EQ(read->front(), value) << text;
  for (const auto& scalar : {json("x"), json(7), json::object(), json::array()}) {
    EXPECT_EQ(parse_yaml(to_yaml(scalar))->front(), scalar);
  }
}

TEST_F(WatchTest, GetAsYaml) {
  put_run("a", {{"phase", "Succeeded"}, {"stdout", "1\n2\n"}}, {{"project", "p"}, {"scope", "project"}});
  ASSERT_EQ(run({"get", "a", "-o", "yaml"}), 0) << err;
  EXPECT_EQ(parse_yaml(out)->front(), server.find(kube::kModelRuns, "ns", "a").value());
  ASSERT_EQ(run({"get", "-o", "yaml"}), 0) << err;
  EXPECT_EQ(parse_yaml(out)->front()["items"].size(), 1U);
}

TEST_F(WatchTest, LogsSinceAndWithTimesAreAskedOfThePod) {
  server.put(kube::kPods, {{"metadata", {{"namespace", "ns"}, {"name", "pod-1"}}}});
  server.set_pod_log("ns", "pod-1", "model", "live\n");
  put_run("r", {{"phase", "Running"}, {"podName", "pod-1"}});
  ASSERT_EQ(run({"logs", "r", "--since", "5m", "--timestamps", "--tail", "3"}), 0) << err;
  const auto path = server.requests().back().path;
  for (const char* part : {"sinceSeconds=300", "timestamps=true", "tailLines=3"}) EXPECT_THAT(path, HasSubstr(part));
  ASSERT_EQ(run({"logs", "r"}), 0) << err;
  EXPECT_THAT(server.requests().back().path, Not(HasSubstr("sinceSeconds")));
  EXPECT_THAT(server.requests().back().path, Not(HasSubstr("timestamps")));
}

TEST_F(WatchTest, LogsThatAreFollowedTakeTheSameOptions) {
  server.put(kube::kPods, {{"metadata", {{"namespace", "ns"}, {"name", "pod-1"}}}});
  server.set_pod_log("ns", "pod-1", "model", "live\n");
  put_run("r", {{"phase", "Running"}, {"podName", "pod-1"}});
  on_watch([this] { end_run({{"phase", "Succeeded"}, {"podName", "pod-1"}, {"exitCode", 0}}); });
  ASSERT_EQ(run({"logs", "r", "-f", "--since", "90", "--timestamps", "--tail", "0"}), 0) << err;
  bool asked = false;
  for (const auto& request : server.requests()) {
    if (request.path.find("/log") == std::string::npos) continue;
    asked = true;
    for (const char* part : {"sinceSeconds=90", "timestamps=true", "tailLines=0", "follow=true"}) {
      EXPECT_THAT(request.path, HasSubstr(part));
    }
  }
  EXPECT_TRUE(asked);
}

TEST_F(WatchTest, WhatIsKeptOfALogHasNoTimes) {
  put_run("e", {{"phase", "Succeeded"}, {"podName", "gone"}, {"stdout", "kept\n"}});
  for (const char* option : {"--timestamps", "--since=5m"}) {
    EXPECT_EQ(run({"logs", "e", option}), 1);
    EXPECT_EQ(out, "");
    EXPECT_THAT(err, HasSubstr("has no times: leave --since and --timestamps out"));
    EXPECT_EQ(run({"logs", "e", option, "--stdout"}), 2);
    EXPECT_EQ(run({"logs", "e", option, "--stderr"}), 2);
  }
  EXPECT_EQ(run({"logs", "e", "--since", "soon"}), 2);
  EXPECT_EQ(run({"logs", "e"}), 0);
  EXPECT_EQ(out, "kept\n");
}

}  // namespace
}  // namespace modelrun::cli
