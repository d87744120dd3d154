#include "net/bearer.h"

#include <gtest/gtest.h>

#include <string>

namespace modelrun::net {
namespace {

TEST(Bearer, IsOneCleanToken) {
  EXPECT_EQ(parse_bearer("Bearer abc.d-e_f"), "abc.d-e_f");
  EXPECT_EQ(parse_bearer("bearer x"), "x");
  for (const char* bad : {"", "Bearer", "Bearer ", "Basic abc", "Bearer a b", "Bearer a\tb", "Bearer a,b",
                          "Bearer \x01", "Bearerx abc", "abc"}) {
    EXPECT_FALSE(parse_bearer(bad)) << bad;
  }
  EXPECT_FALSE(parse_bearer("Bearer " + std::string(20000, 'a')));
}

}  // namespace
}  // namespace modelrun::net
