#include "runserver/route.h"

#include <gtest/gtest.h>

namespace modelrun::runserver {
namespace {

TEST(Route, TakesThePathsOfTheContract) {
  const auto route = parse_route("/v1/attempts/team-a/run.1/0b1c-2d/12/control");
  ASSERT_TRUE(route);
  EXPECT_EQ(route->attempt.namespace_, "team-a");
  EXPECT_EQ(route->attempt.run, "run.1");
  EXPECT_EQ(route->attempt.uid, "0b1c-2d");
  EXPECT_EQ(route->attempt.attempt, 12);
  EXPECT_EQ(route->action, Operation::kControl);
  EXPECT_EQ(parse_route("/v1/attempts/a/b/c/1/source")->action, Operation::kSource);
  EXPECT_EQ(parse_route("/v1/attempts/a/b/c/1/result")->action, Operation::kResult);
  EXPECT_EQ(parse_route("/v1/attempts/a/b/c/1/points")->action, Operation::kPoints);
  EXPECT_EQ(parse_route("/v1/attempts/a/b/c/1/rows")->action, Operation::kRows);
}

TEST(Route, RefusesEverythingElse) {
  for (const std::string& target : {std::string(),
                                    std::string("/"),
                                    std::string("/v1/attempts/"),
                                    std::string("/v1/attempts/a/b/c/1"),
                                    std::string("/v1/attempts/a/b/c/1/"),
                                    std::string("/v1/attempts/a/b/c/1/source/"),
                                    std::string("/v1/attempts/a/b/c/1/source?x"),
                                    std::string("/v1/attempts/a/b/c/0/source"),
                                    std::string("/v1/attempts/a/b/c/01/source"),
                                    std::string("/v1/attempts/a/b/c/-1/source"),
                                    std::string("/v1/attempts/a/b/c/99999999999/source"),
                                    std::string("/v1/attempts/../b/c/1/source"),
                                    std::string("/v1/attempts/a//c/1/source"),
                                    std::string("/v1/attempts/A/b/c/1/source"),
                                    std::string("/v1/attempts/a.b/b/c/1/source"),
                                    std::string("/v1/attempts/a/b%2f/c/1/source"),
                                    std::string("/v1/attempts/a/b/c/1/Source"),
                                    std::string("//v1/attempts/a/b/c/1/source"),
                                    std::string("http://x/v1/attempts/a/b/c/1/source"),
                                    "/v1/attempts/" + std::string(64, 'a') + "/b/c/1/source"}) {
    EXPECT_FALSE(parse_route(target)) << target;
  }
}

TEST(Route, KindsHaveStatuses) {
  EXPECT_EQ(status_of(ErrorKind::kDenied), 403U);
  EXPECT_EQ(status_of(ErrorKind::kConflict), 409U);
  EXPECT_EQ(status_of(ErrorKind::kInvalid), 400U);
  EXPECT_EQ(status_of(ErrorKind::kTooLarge), 413U);
  EXPECT_EQ(status_of(ErrorKind::kThrottled), 429U);
  EXPECT_EQ(status_of(ErrorKind::kUnavailable), 503U);
  EXPECT_EQ(status_of(ErrorKind::kInternal), 500U);
}

}  // namespace
}  // namespace modelrun::runserver
