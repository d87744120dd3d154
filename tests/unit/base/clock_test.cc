#include "base/clock.h"

#include <gtest/gtest.h>

namespace modelrun {
namespace {

using std::chrono::microseconds;

Time at(long micros) {
  return Time{microseconds{micros}};
}

TEST(Rfc3339, Format) {
  EXPECT_EQ(format_rfc3339(at(0)), "1970-01-01T00:00:00.000000Z");
  EXPECT_EQ(format_rfc3339(at(1)), "1970-01-01T00:00:00.000001Z");
  EXPECT_EQ(format_rfc3339(at(-1)), "1969-12-31T23:59:59.999999Z");
  EXPECT_EQ(format_rfc3339(at(1777370401'420000)), "2026-04-28T10:00:01.420000Z");
  EXPECT_EQ(format_rfc3339(at(951825599'999999)), "2000-02-29T11:59:59.999999Z");
}

struct Accepted {
  const char* text;
  const char* same_as;
};

class Rfc3339Accepts : public testing::TestWithParam<Accepted> {};

TEST_P(Rfc3339Accepts, AndMeans) {
  const auto time = parse_rfc3339(GetParam().text);
  ASSERT_TRUE(time) << GetParam().text;
  EXPECT_EQ(format_rfc3339(*time), GetParam().same_as) << GetParam().text;
}

INSTANTIATE_TEST_SUITE_P(Table, Rfc3339Accepts,
                         testing::Values(Accepted{"2026-04-28T10:00:01Z", "2026-04-28T10:00:01.000000Z"},
                                         Accepted{"2026-04-28T10:00:01.42Z", "2026-04-28T10:00:01.420000Z"},
                                         // Nanoseconds, as Go prints them: cut, not rounded.
                                         Accepted{"2026-04-28T10:00:01.999999999Z", "2026-04-28T10:00:01.999999Z"},
                                         Accepted{"2026-04-28t10:00:01z", "2026-04-28T10:00:01.000000Z"},
                                         Accepted{"2026-04-28 10:00:01Z", "2026-04-28T10:00:01.000000Z"},
                                         Accepted{"2026-04-28T10:00:01+02:00", "2026-04-28T08:00:01.000000Z"},
                                         Accepted{"2026-01-01T00:00:00+05:30", "2025-12-31T18:30:00.000000Z"},
                                         Accepted{"2025-12-31T23:30:00-01:00", "2026-01-01T00:30:00.000000Z"},
                                         Accepted{"2024-02-29T00:00:00Z", "2024-02-29T00:00:00.000000Z"},
                                         // A leap second is the first second of the next minute.
                                         Accepted{"2016-12-31T23:59:60Z", "2017-01-01T00:00:00.000000Z"},
                                         Accepted{"0001-01-01T00:00:00Z", "0001-01-01T00:00:00.000000Z"},
                                         Accepted{"9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59.999999Z"}));

class Rfc3339Refuses : public testing::TestWithParam<const char*> {};

TEST_P(Rfc3339Refuses, Text) {
  EXPECT_FALSE(parse_rfc3339(GetParam())) << GetParam();
}

INSTANTIATE_TEST_SUITE_P(Table, Rfc3339Refuses,
                         testing::Values("", "now", "2026-04-28", "2026-04-28T10:00:01", "2026-04-28T10:00Z",
                                         "2026-04-28T10:00:01Z ", " 2026-04-28T10:00:01Z", "2026-04-28T10:00:01ZZ",
                                         "2026-02-29T00:00:00Z", "2026-13-01T00:00:00Z", "2026-00-10T00:00:00Z",
                                         "2026-04-31T00:00:00Z", "2026-04-28T24:00:00Z", "2026-04-28T10:60:00Z",
                                         "2026-04-28T10:00:61Z", "2026-4-28T10:00:01Z", "-026-04-28T10:00:01Z",
                                         "2026-04-28T10:00:01+0200", "2026-04-28T10:00:01+02",
                                         "2026-04-28T10:00:01*02:00", "2026-04-28T10:00:-1Z", "2026-04-28X10:00:01Z",
                                         "20260428T100001Z"));

TEST(Rfc3339, RoundTrip) {
  for (long micros : {0L, 1L, -1L, 999'999L, 1777370401'420001L, -62135596800'000000L, 253402300799'999999L}) {
    EXPECT_EQ(parse_rfc3339(format_rfc3339(at(micros))), at(micros)) << micros;
  }
}

TEST(SystemClock, DoesNotGoBack) {
  const SystemClock clock;
  const Time first = clock.now();
  EXPECT_GE(clock.now(), first);
}

}  // namespace
}  // namespace modelrun
