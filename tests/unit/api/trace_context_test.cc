#include "api/trace_context.h"

#include <gtest/gtest.h>

namespace modelrun::api {
namespace {

TEST(Traceparent, IsReadAndWritten) {
  const std::string text = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-a1";
  const auto context = parse_traceparent(text);
  ASSERT_TRUE(context);
  EXPECT_EQ(context->trace_id, "0af7651916cd43dd8448eb211c80319c");
  EXPECT_EQ(context->span_id, "b7ad6b7169203331");
  EXPECT_EQ(context->flags, 1);  // what the other bits mean is not known here, so they are not handed on
  EXPECT_TRUE(context->sampled());
  EXPECT_EQ(format_traceparent(*context), "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
  EXPECT_FALSE(parse_traceparent("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-02")->sampled());
}

TEST(Traceparent, OfALaterVersionTheKnownPartIsTaken) {
  const auto known = parse_traceparent("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
  ASSERT_TRUE(known);
  EXPECT_EQ(parse_traceparent("01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"), known);
  EXPECT_EQ(parse_traceparent("fe-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-03-more-to come"), known);
}

TEST(Traceparent, WhatIsNone) {
  for (const auto* text : {"", "00", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
                           "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
                           "01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01x",
                           "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-x",
                           "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-x",
                           "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
                           "00-00000000000000000000000000000000-b7ad6b7169203331-01",
                           "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
                           "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-",
                           "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0g"}) {
    EXPECT_EQ(parse_traceparent(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace modelrun::api
