#include "traces/span.h"

#include <gtest/gtest.h>

#include <set>

#include "fakes/fake_tracer.h"

namespace modelrun::traces {
namespace {

constexpr std::string_view kUid = "6f1c2f0e-4a1b-4c1e-9f57-0d2a4c8e7b11";

TEST(Ids, FollowFromTheObject) {
  EXPECT_EQ(trace_id_of(kUid), trace_id_of(kUid));
  EXPECT_EQ(trace_id_of(kUid).size(), 32U);
  EXPECT_EQ(span_id_of(kUid, "model").size(), 16U);
  EXPECT_EQ(span_id_of(kUid, "model"), span_id_of(kUid, "model"));
  EXPECT_NE(span_id_of(kUid, "model"), span_id_of(kUid, "pod"));
  EXPECT_NE(span_id_of(kUid, "model"), span_id_of("another", "model"));
}

TEST(Ids, OfNewTracesDifferAndAreValid) {
  fakes::FakeTracer tracer;
  std::set<std::string> seen;
  for (int i = 0; i < 100; ++i) {
    const auto trace = new_trace(tracer);
    EXPECT_EQ(api::parse_traceparent(api::format_traceparent(trace)), trace);
    EXPECT_TRUE(trace.sampled());
    EXPECT_TRUE(seen.insert(trace.trace_id).second);
  }
}

TEST(Sampling, IsDecidedByTheTraceIdAlone) {
  const std::string low = "ffffffffffffffff0000000000000010";
  const std::string below_half = "00000000000000007fffffffffffff00";
  const std::string half = "00000000000000008000000000000000";
  EXPECT_FALSE(in_ratio(low, 0));
  EXPECT_TRUE(in_ratio(low, 0.01));
  EXPECT_TRUE(in_ratio(below_half, 0.5));
  EXPECT_FALSE(in_ratio(below_half, 0.49));
  EXPECT_TRUE(in_ratio(half, 0.51));
  EXPECT_FALSE(in_ratio(half, 0.5));
  EXPECT_TRUE(in_ratio("ffffffffffffffffffffffffffffffff", 1));
}

TEST(Sampling, OfNewTracesKeepsToTheRatio) {
  fakes::FakeTracer none(0);
  EXPECT_FALSE(new_trace(none).sampled());
  fakes::FakeTracer some(0.25);
  int sampled = 0;
  for (int i = 0; i < 4000; ++i) sampled += new_trace(some).sampled() ? 1 : 0;
  EXPECT_NEAR(sampled, 1000, 200);  // seven standard deviations
}

}  // namespace
}  // namespace modelrun::traces
