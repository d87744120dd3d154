#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/object_watch.h"
#include "fixture.h"

namespace modelrun::cli {
namespace {

using kube::Json;
using testing::HasSubstr;

struct Follow : testing::Test {
  // Until the phase is `last`.
  Result<void> follow(const std::string& last) {
    return watch_object(
        client, {kube::kModelRuns, "ns", "a"},
        [&](const Json& object) {
          phases.push_back(object.at("status").value("phase", ""));
          return phases.back() != last;
        },
        [&](const Error&) { ++troubles; }, program.stop.get_token());
  }
  // What happens at the first, second, ... watch.
  void at_watches(std::vector<std::function<fakes::Fault()>> steps) {
    auto next = std::make_shared<std::size_t>(0);
    program.server.set_hook([next, steps = std::move(steps)](const kube::Request& request, int) {
      if (request.path.find("watch=true") == std::string::npos || *next == steps.size()) return fakes::Fault::kNone;
      return steps[(*next)++]();
    });
  }
  fakes::Fault put(const std::string& phase, fakes::Fault fault = fakes::Fault::kNone) {
    program.put_run("a", {{"phase", phase}});
    return fault;
  }

  Program program;
  kube::Client client{program.server};
  std::vector<std::string> phases;
  int troubles = 0;
};

TEST_F(Follow, GivesWhatIsThereAndWhatComes) {
  put("Pending");
  program.put_run("b", {{"phase", "Running"}});  // nobody's business
  at_watches({[&] { return put("Running"), put("Succeeded"); }});
  ASSERT_TRUE(follow("Succeeded"));
  EXPECT_EQ(phases, (std::vector<std::string>{"Pending", "Running", "Succeeded"}));
  EXPECT_EQ(program.server.requests().size(), 2U);
  EXPECT_THAT(program.server.requests()[1].path, HasSubstr("fieldSelector=metadata.name%3Da"));
}

TEST_F(Follow, NeedsNoWatchForWhatIsOver) {
  put("Succeeded");
  ASSERT_TRUE(follow("Succeeded"));
  EXPECT_EQ(program.server.requests().size(), 1U);
}

TEST_F(Follow, ListsAgainAfter410) {
  put("Pending");
  at_watches({[&] { return put("Succeeded", fakes::Fault::k410); }});
  ASSERT_TRUE(follow("Succeeded"));
  EXPECT_EQ(phases, (std::vector<std::string>{"Pending", "Succeeded"}));
  EXPECT_EQ(troubles, 0);
}

TEST_F(Follow, OutlivesABrokenConnection) {
  put("Pending");
  at_watches({[&] { return put("Running", fakes::Fault::kDropBefore); }, [&] { return put("Succeeded"); }});
  ASSERT_TRUE(follow("Succeeded"));
  EXPECT_EQ(phases, (std::vector<std::string>{"Pending", "Running", "Succeeded"}));
  EXPECT_EQ(troubles, 1);
}

TEST_F(Follow, ADeniedWatchEndsIt) {
  put("Pending");
  at_watches({[&] { return fakes::Fault::k403; }});
  EXPECT_EQ(follow("Succeeded").error().kind, ErrorKind::kDenied);
}

TEST_F(Follow, WhatIsNotThereIsAnError) {
  EXPECT_THAT(follow("Succeeded").error().message, HasSubstr("modelruns ns/a: there is no such object"));
}

TEST_F(Follow, ADeletionEndsIt) {
  put("Pending");
  at_watches({[&] {
    program.server.erase(kube::kModelRuns, "ns", "a");
    return fakes::Fault::kNone;
  }});
  const auto result = follow("Succeeded");
  EXPECT_EQ(result.error().kind, ErrorKind::kNotFound);
  EXPECT_THAT(result.error().message, HasSubstr("it was deleted"));
}

TEST_F(Follow, AnotherObjectOfTheSameNameIsNotTaken) {
  put("Pending");
  at_watches({[&] {
    program.server.erase(kube::kModelRuns, "ns", "a");
    return put("Succeeded", fakes::Fault::k410);
  }});
  EXPECT_THAT(follow("Succeeded").error().message, HasSubstr("another one has its name"));
  EXPECT_EQ(phases, std::vector<std::string>{"Pending"});
}

TEST_F(Follow, StopsAtOnce) {
  put("Pending");
  at_watches({[&] {
    program.stop.request_stop();
    return fakes::Fault::kNone;
  }});
  EXPECT_EQ(follow("Succeeded").error().kind, ErrorKind::kCancelled);
}

TEST(Deadline, FiresWhenTimeIsUp) {
  const Deadline deadline({}, std::chrono::seconds{0});
  pause(std::chrono::seconds{60}, deadline.token());
  EXPECT_TRUE(deadline.token().stop_requested());
}

TEST(Deadline, PassesTheOuterStopOn) {
  std::stop_source outer;
  const Deadline deadline(outer.get_token(), std::chrono::hours{1});
  EXPECT_FALSE(deadline.token().stop_requested());
  outer.request_stop();
  EXPECT_TRUE(deadline.token().stop_requested());
}

}  // namespace
}  // namespace modelrun::cli
