#include "traces/otlp.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace modelrun::traces {
namespace {

using nlohmann::json;

Span model() {
  Span span;
  span.self = {.trace_id = "0af7651916cd43dd8448eb211c80319c", .span_id = "b7ad6b7169203331", .flags = 1};
  span.parent = "00f067aa0ba902b7";
  span.name = "model";
  span.begin = *parse_rfc3339("2026-04-28T10:00:00.000001Z");
  span.end = *parse_rfc3339("2026-04-28T10:00:01.42Z");
  span.attributes = {{"modelrun.run.name", "forecasts-x7k2p"}, {"modelrun.exit_code", std::int64_t{3}}};
  return span;
}

TEST(Otlp, EncodesASpanAsTheProtocolHasIt) {
  auto span = model();
  span.error = true;
  span.error_message = "exit code 3";
  // JSON of protobuf: names in lowerCamelCase, 64-bit integers as strings; of OTLP: ids in hex, enumerations as
  // numbers.
  const auto expected = json::parse(R"({
    "traceId": "0af7651916cd43dd8448eb211c80319c",
    "spanId": "b7ad6b7169203331",
    "parentSpanId": "00f067aa0ba902b7",
    "flags": 257,
    "name": "model",
    "kind": 1,
    "startTimeUnixNano": "1777370400000001000",
    "endTimeUnixNano": "1777370401420000000",
    "attributes": [
      {"key": "modelrun.run.name", "value": {"stringValue": "forecasts-x7k2p"}},
      {"key": "modelrun.exit_code", "value": {"intValue": "3"}}
    ],
    "status": {"code": 2, "message": "exit code 3"}
  })");
  EXPECT_EQ(json::parse(*encode_span(span)), expected);
}

TEST(Otlp, EncodesARequestWithItsResourceOnce) {
  const std::vector spans{*encode_span(model()), *encode_span(model())};
  const auto request = json::parse(encode_request(encode_resource({{"service.name", "modelrun-operator"}}), spans));
  const auto& resource = request.at("resourceSpans").at(0);
  EXPECT_EQ(resource.at("resource"),
            json::parse(R"({"attributes": [{"key": "service.name", "value": {"stringValue": "modelrun-operator"}}]})"));
  EXPECT_EQ(resource.at("scopeSpans").at(0).at("scope").at("name"), "modelrun");
  EXPECT_EQ(resource.at("scopeSpans").at(0).at("spans"), json::array({json::parse(spans[0]), json::parse(spans[1])}));
}

TEST(Otlp, AFirstSpanHasNoParentAndARemoteOneIsMarked) {
  auto span = model();
  span.parent.clear();
  EXPECT_FALSE(json::parse(*encode_span(span)).contains("parentSpanId"));
  EXPECT_FALSE(json::parse(*encode_span(span)).contains("status"));
  span.remote_parent = true;
  EXPECT_EQ(json::parse(*encode_span(span)).at("flags"), 0x301);
}

TEST(Otlp, AnEndBeforeTheBeginBecomesTheBegin) {
  auto span = model();
  span.end = span.begin - std::chrono::seconds(3);
  const auto encoded = json::parse(*encode_span(span));
  EXPECT_EQ(encoded.at("endTimeUnixNano"), encoded.at("startTimeUnixNano"));
}

TEST(Otlp, TimesBeyondWhatNanosecondsCanSayAreTheLastOrTheFirst) {
  auto span = model();
  span.begin = Time(std::chrono::microseconds(-1));
  span.end = Time::max();
  const auto encoded = json::parse(*encode_span(span));
  EXPECT_EQ(encoded.at("startTimeUnixNano"), "0");
  EXPECT_EQ(encoded.at("endTimeUnixNano"), "9223372036854775000");
}

TEST(Otlp, TextsFromOutsideAreBoundedAndPrintable) {
  auto span = model();
  span.name = std::string(100'000, 'n');
  span.error = true;
  span.error_message = "\x1b[31m\xff" + std::string(100'000, 'e');
  span.attributes.clear();
  for (int i = 0; i < 1000; ++i) span.attributes.push_back({"k", std::string(10, '\n')});
  const auto encoded = json::parse(*encode_span(span));
  EXPECT_LE(encoded.at("name").get_ref<const std::string&>().size(), 128U);
  const auto& message = encoded.at("status").at("message").get_ref<const std::string&>();
  EXPECT_LE(message.size(), kMaxAttributeBytes);
  EXPECT_TRUE(
      message.starts_with("?[31m\xEF\xBF\xBD"
                          "eee"));
  EXPECT_EQ(encoded.at("attributes").size(), kMaxAttributes);
  EXPECT_EQ(encoded.at("attributes").at(0).at("value").at("stringValue"), std::string(10, ' '));
}

TEST(Otlp, ASpanThatIsTooLargeIsNoSpan) {
  auto span = model();
  span.attributes.clear();
  // A quotation mark takes two bytes in JSON.
  for (int i = 0; i < 32; ++i) span.attributes.push_back({"k", std::string(kMaxAttributeBytes, '"')});
  EXPECT_EQ(encode_span(span), std::nullopt);
  span.attributes.resize(12);
  ASSERT_TRUE(encode_span(span));
  EXPECT_LE(encode_span(span)->size(), kMaxSpanBytes);
}

TEST(Otlp, ReadsWhyTheCollectorRefused) {
  for (const auto* body : {"", "{}", "[]", "<html>", "7", R"({"message": 7})"})
    EXPECT_EQ(decode_refusal(body), "") << body;
  EXPECT_EQ(decode_refusal(R"({"code": 3, "message": "no\nroom"})"), "no room");
}

TEST(Otlp, ReadsWhatTheCollectorRejected) {
  EXPECT_EQ(decode_response("").rejected, 0U);
  EXPECT_EQ(decode_response("{}").rejected, 0U);
  EXPECT_EQ(decode_response("<html>").rejected, 0U);
  EXPECT_EQ(decode_response(R"({"partialSuccess": 7})").rejected, 0U);
  EXPECT_EQ(decode_response(R"({"partialSuccess": {"rejectedSpans": -7}})").rejected, 0U);
  EXPECT_EQ(decode_response(R"({"partialSuccess": {"rejectedSpans": 7}})").rejected, 7U);
  const auto said = decode_response(R"({"partialSuccess": {"rejectedSpans": "3", "errorMessage": "too\u001bold"}})");
  EXPECT_EQ(said.rejected, 3U);
  EXPECT_EQ(said.message, "too?old");
}

}  // namespace
}  // namespace modelrun::traces
