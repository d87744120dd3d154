// The codecs of api/points.h: there and back, at their bounds, and with lines that are none.
#include "api/points.h"

#include <gtest/gtest.h>

#include "api/sandbox.h"

namespace modelrun::api {
namespace {

JsonText outputs_of(std::size_t bytes) {
  return JsonText(nlohmann::json{{"a", std::string(bytes - 8, 'x')}});
}

TEST(Row, ThereAndBack) {
  PointRow row;
  row.point = 17;
  row.phase = PointPhase::kTimedOut;
  row.reason = "Timeout";
  row.message = "it ran longer than 3 s";
  row.exit_code = 143;
  row.milliseconds = 3012;
  row.outputs = JsonText(nlohmann::json{{"a", {1, 2.5, nullptr}}});
  row.err = "Traceback\n\"quoted\"";
  row.warning = "w";
  const std::string line = encode_row(row);
  EXPECT_EQ(line.find('\n'), std::string::npos);
  const auto back = decode_row(line);
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(encode_row(*back), line);
  EXPECT_EQ(back->phase, PointPhase::kTimedOut);
  EXPECT_EQ(back->exit_code, 143);
  EXPECT_EQ(back->err, row.err);
  EXPECT_TRUE(*back->outputs == *row.outputs);
}

TEST(Row, OfASuccessHasNothingElse) {
  const auto back = decode_row(encode_row({}));
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(back->phase, PointPhase::kSucceeded);
  EXPECT_FALSE(back->outputs);
  EXPECT_FALSE(back->exit_code);
}

// The largest that there is, whatever its texts hold, can be read again.
TEST(Row, AtItsBounds) {
  for (const char* text : {"x", "\x01", "\"", "\xff", "\xe2\x82\xac"}) {
    std::string much;
    while (much.size() < 9000) much += text;
    PointRow row;
    row.point = kMaxPoints - 1;
    row.phase = PointPhase::kFailed;
    row.reason = row.message = row.err = row.warning = much;
    row.milliseconds = 999'999'999;
    row.exit_code = 255;
    row.outputs = outputs_of(kMaxRowOutputs);
    ASSERT_EQ(row.outputs->size(), kMaxRowOutputs);
    const std::string line = encode_row(row);
    EXPECT_LE(line.size(), kMaxRowBytes) << text;
    const auto back = decode_row(line);
    ASSERT_TRUE(back) << text << ": " << back.error().message;
    EXPECT_LE(back->message.size(), kMaxRowMessage);
    EXPECT_LE(back->err.size(), kMaxRowErr);
    EXPECT_EQ(encode_row(*back), line) << text;
  }
}

TEST(Row, OutputsAsDeepAsTheyMayBe) {
  std::string deep = R"({"a":)";
  for (int i = 1; i < kMaxJsonDepth; ++i) deep += '[';
  for (int i = 1; i < kMaxJsonDepth; ++i) deep += ']';
  PointRow row;
  row.outputs = JsonText::from_compact(deep + '}');
  const auto back = decode_row(encode_row(row));
  EXPECT_TRUE(back) << back.error().message;
}

TEST(Row, LinesThatAreNone) {
  for (const std::string& line :
       {std::string(),
        std::string("{"),
        std::string("[]"),
        std::string("null"),
        std::string("7"),
        std::string("{}"),
        std::string(R"({"point":0})"),
        std::string(R"({"point":-1,"phase":"Failed"})"),
        std::string(R"({"point":10000,"phase":"Failed"})"),
        std::string(R"({"point":18446744073709551615,"phase":"Failed"})"),
        std::string(R"({"point":1,"phase":"Done"})"),
        std::string(R"({"point":1.5,"phase":"Failed"})"),
        std::string(R"({"point":1,"phase":"Failed","exitCode":256})"),
        std::string(R"({"point":1,"phase":"Failed","exitCode":-1})"),
        std::string(R"({"point":1,"phase":"Failed","outputs":[1]})"),
        std::string(R"({"point":1,"phase":"Failed","outputs":"x"})"),
        std::string(R"({"point":1,"point":2,"phase":"Failed"})"),
        std::string("{\"point\":1,\"phase\":\"Failed\",\"stderr\":\"\xff\"}"),
        R"({"point":1,"phase":"Failed","outputs":{"a":")" + std::string(kMaxRowOutputs, 'x') + R"("}})",
        R"({"point":1,"phase":"Failed","stderr":")" + std::string(kMaxRowBytes, 'x') + R"("})"}) {
    EXPECT_FALSE(decode_row(line)) << line.substr(0, 100);
  }
}

TEST(Points, ThereAndBack) {
  PointList list;
  list.timeout = std::chrono::seconds(30);
  list.max_failed = 0;
  list.failed = 2;
  list.done = {{0, 4}, {6, 6}};
  list.points = {R"({"a":1})", "{}", R"({"b":"\n"})"};
  const auto back = decode_points(encode_points(list));
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(back->timeout, list.timeout);
  EXPECT_EQ(back->max_failed, 0);
  EXPECT_EQ(back->failed, 2);
  EXPECT_EQ(back->done, list.done);
  EXPECT_EQ(back->points, list.points);
}

TEST(Points, AsManyAsThereMayBe) {
  PointList list;
  list.timeout = std::chrono::seconds(1);
  list.points.assign(kMaxPoints, R"({"a":1})");
  for (std::int64_t i = 0; i < static_cast<std::int64_t>(kMaxPoints); i += 2) list.done.emplace_back(i, i);
  const auto back = decode_points(encode_points(list));
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(back->points.size(), kMaxPoints);
  EXPECT_EQ(back->done, list.done);
  EXPECT_FALSE(back->max_failed);
  EXPECT_FALSE(decode_points(encode_points(list) + "\n{}"));
}

TEST(Points, ListsThatAreNone) {
  const std::string good = R"({"timeoutSeconds":3,"failed":0,"done":[]})";
  ASSERT_TRUE(decode_points(good + "\n{}"));
  for (const std::string& text :
       {std::string(), std::string("\n"), std::string("{}\n{}"), good, std::string("[]\n{}"), std::string("x\n{}"),
        std::string(R"({"timeoutSeconds":0})") + "\n{}", std::string(R"({"timeoutSeconds":3,"done":[[1]]})") + "\n{}",
        std::string(R"({"timeoutSeconds":3,"done":[[2,1]]})") + "\n{}",
        std::string(R"({"timeoutSeconds":3,"done":[[-1,1]]})") + "\n{}",
        std::string(R"({"timeoutSeconds":3,"done":[[0,1],[1,2]]})") + "\n{}",
        std::string(R"({"timeoutSeconds":3,"done":[[5,6],[1,2]]})") + "\n{}",
        std::string(R"({"timeoutSeconds":3,"done":[[0,18446744073709551615]]})") + "\n{}",
        std::string(R"({"timeoutSeconds":3,"done":{"a":1}})") + "\n{}",
        std::string(R"({"timeoutSeconds":3,"done":"x"})") + "\n{}",
        std::string(R"({"timeoutSeconds":3,"done":[[)") + std::string(300'000, '[') + "\n{}"}) {
    EXPECT_FALSE(decode_points(text)) << text.substr(0, 100);
  }
}

TEST(Report, ThereAndBack) {
  const RowReport report{.from = 12, .last = true, .rows = {encode_row({}), encode_row({})}};
  const auto back = decode_report(encode_report(report));
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(back->from, 12);
  EXPECT_TRUE(back->last);
  EXPECT_EQ(back->rows, report.rows);
  EXPECT_TRUE(decode_report(encode_report({}))->rows.empty());
}

TEST(Report, Bounds) {
  RowReport report;
  report.rows.assign(kMaxUnstoredRows, "{}");
  EXPECT_TRUE(decode_report(encode_report(report)));
  report.rows.emplace_back("{}");
  EXPECT_FALSE(decode_report(encode_report(report)));
  report.rows.assign(20, std::string(kMaxRowBytes, 'x'));
  EXPECT_EQ(decode_report(encode_report(report)).error().kind, ErrorKind::kTooLarge);
  for (const char* text : {"", "[]", "x", "{\"from\":1"}) EXPECT_FALSE(decode_report(text)) << text;
}

TEST(Receipt, ThereAndBack) {
  const auto back = decode_receipt(encode_receipt({.held = 9, .stored = 4}));
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(back->held, 9);
  EXPECT_EQ(back->stored, 4);
  for (const char* text : {"", "[]", "x", R"({"held":1,"stored":2})", "{}\n{}"})
    EXPECT_FALSE(decode_receipt(text)) << text;
}

TEST(FrameWithRows, ThereAndBack) {
  ResultFrame frame;
  frame.rows.assign(kMaxUnstoredRows, encode_row({}));
  frame.first_row = 12;
  frame.at_point = 0;
  const auto back = decode_frame(encode_frame(frame));
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(back->rows, frame.rows);
  EXPECT_EQ(back->first_row, 12);
  EXPECT_EQ(back->at_point, 0);
  frame.rows.emplace_back("{}");
  EXPECT_FALSE(decode_frame(encode_frame(frame)));
}

}  // namespace
}  // namespace modelrun::api
