// The watch and list decoders: whatever the pieces, the same objects come out.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/large_document.h"
#include "fakes/large_document.h"
#include "fakes/peak_memory.h"
#include "kube/client.h"
#include "kube/list_decoder.h"
#include "kube/watch_decoder.h"

namespace modelrun::kube {
namespace {

using ::testing::ElementsAre;

std::vector<std::string> names(WatchDecoder& decoder, std::string_view body, std::size_t chunk) {
  std::vector<std::string> names;
  for (; !body.empty(); body.remove_prefix(std::min(chunk, body.size()))) {
    auto fed = decoder.feed(body.substr(0, chunk), [&](WatchEvent&& event) {
      names.push_back(std::to_string(static_cast<int>(event.type)) + event.object.value("name", ""));
      return true;
    });
    EXPECT_TRUE(fed && *fed);
  }
  return names;
}

TEST(WatchDecoder, AnyPieces) {
  const std::string body = R"({"type":"ADDED","object":{"name":"a\n\"}"}})"
                           "\n"
                           R"({"type":"MODIFIED","object":{"name":"b"}})"
                           "\r\n\n"
                           R"({"type":"DELETED","object":{"name":"c"}})"
                           "\n"
                           R"({"type":"BOOKMARK","object":{}})"
                           "\n";
  for (std::size_t chunk = 1; chunk <= body.size(); ++chunk) {
    WatchDecoder decoder;
    EXPECT_THAT(names(decoder, body, chunk), ElementsAre("0a\n\"}", "1b", "2c", "3")) << chunk;
    EXPECT_TRUE(decoder.finish());
  }
}

TEST(WatchDecoder, LargeEventInOneByteChunks) {
  const std::string body = R"({"type":"ADDED","object":{"name":")" + std::string(1'500'000, 'x') + "\"}}\n";
  WatchDecoder decoder;
  const auto found = names(decoder, body, 1);
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].size(), 1'500'001U);
}

TEST(WatchDecoder, OneLargeEventAtATimeIsAnObject) {
  for (const bool large : {false, true}) {
    fakes::OtherLargeDocument other;
    WatchDecoder decoder;
    const std::string text(large ? kLargeDocumentBytes : 10, 'x');
    const auto fed = decoder.feed(R"({"type":"ADDED","object":{"text":")" + text + "\"}}\n", [&](WatchEvent&&) {
      EXPECT_EQ(other.has_to_wait(), large);
      return true;
    });
    EXPECT_TRUE(fed);
  }
}

TEST(WatchDecoder, KeepsNoMemoryOfALargeEvent) {
  const std::string body = R"({"type":"ADDED","object":{"name":")" + std::string(1'500'000, 'x') + "\"}}\n";
  WatchDecoder decoder;
  const auto before = fakes::allocated_bytes();
  names(decoder, body, 100'000);
  EXPECT_LT(fakes::allocated_bytes(), before + 100'000);
}

TEST(WatchDecoder, CutOff) {
  WatchDecoder decoder;
  names(decoder, R"({"type":"ADDED","object":{"na)", 7);
  ASSERT_FALSE(decoder.finish());
  EXPECT_EQ(decoder.finish().error().kind, ErrorKind::kUnavailable);
}

TEST(WatchDecoder, RefusesWhatIsNoEvent) {
  for (const char* line :
       {"{\n", "[]\n", "{}\n", "{\"type\":\"NEW\",\"object\":{}}\n", "{\"type\":\"ADDED\",\"object\":1}\n"}) {
    WatchDecoder decoder;
    auto fed = decoder.feed(line, [](WatchEvent&&) { return true; });
    ASSERT_FALSE(fed) << line;
    EXPECT_EQ(fed.error().kind, ErrorKind::kInvalid);
  }
}

TEST(WatchDecoder, Bounded) {
  WatchDecoder decoder(10);
  auto fed = decoder.feed("12345678901", [](WatchEvent&&) { return true; });
  ASSERT_FALSE(fed);
  EXPECT_EQ(fed.error().kind, ErrorKind::kTooLarge);
}

TEST(WatchDecoder, StopsWhenTold) {
  WatchDecoder decoder;
  int seen = 0;
  const std::string line = "{\"type\":\"ADDED\",\"object\":{}}\n";
  auto fed = decoder.feed(line + line, [&](WatchEvent&&) { return ++seen < 1; });
  EXPECT_FALSE(fed.value());
  EXPECT_EQ(seen, 1);
}

TEST(WatchDecoder, ErrorEvent) {
  const Json gone{{"kind", "Status"}, {"code", 410}, {"reason", "Expired"}, {"message", "too old"}};
  const auto error = watch_error({EventType::kError, gone});
  EXPECT_EQ(error.kind, ErrorKind::kGone);
  EXPECT_EQ(error.message, "watch event: 410 Expired: too old");
  EXPECT_EQ(watch_error({EventType::kError, Json::object()}).kind, ErrorKind::kUnavailable);
}

std::vector<Json> items(ListDecoder& decoder, std::string_view body, std::size_t chunk) {
  std::vector<Json> items;
  for (; !body.empty(); body.remove_prefix(std::min(chunk, body.size()))) {
    EXPECT_TRUE(decoder.feed(body.substr(0, chunk), [&](Json&& item) { items.push_back(std::move(item)); }));
  }
  return items;
}

TEST(ListDecoder, KeepsNoMemoryOfALargeItem) {
  const std::string body = R"({"items":[{"name":")" + std::string(1'500'000, 'x') + R"("},{"name":"b"})";
  ListDecoder decoder;
  const auto before = fakes::allocated_bytes();
  for (std::string_view rest = body; !rest.empty(); rest.remove_prefix(std::min<std::size_t>(100'000, rest.size()))) {
    ASSERT_TRUE(decoder.feed(rest.substr(0, 100'000), [](Json&&) {}));
  }
  EXPECT_LT(fakes::allocated_bytes(), before + 100'000);
}

TEST(ListDecoder, OneLargeItemAtATimeIsAnObject) {
  for (const bool large : {false, true}) {
    fakes::OtherLargeDocument other;
    ListDecoder decoder;
    const std::string text(large ? kLargeDocumentBytes : 10, 'x');
    const auto fed =
        decoder.feed(R"({"items":[{"text":")" + text + "\"}]}", [&](Json&&) { EXPECT_EQ(other.has_to_wait(), large); });
    EXPECT_TRUE(fed);
  }
}

TEST(ListDecoder, AnyPieces) {
  const Json list{{"kind", "items"},
                  {"apiVersion", "v1"},
                  {"metadata", {{"resourceVersion", "9"}, {"continue", "c"}, {"items", Json::array({1, 2})}}},
                  {"items", {{{"a", "]}\"\\"}, {"items", Json::array({Json::object()})}}, {{"b", Json::array({1})}}}}};
  for (const std::string& body : {list.dump(), list.dump(2)}) {
    for (std::size_t chunk = 1; chunk <= body.size(); ++chunk) {
      ListDecoder decoder;
      const auto found = items(decoder, body, chunk);
      ASSERT_EQ(found.size(), 2U);
      EXPECT_EQ(found[0], list["items"][0]);
      EXPECT_EQ(found[1], list["items"][1]);
      auto envelope = decoder.finish();
      ASSERT_TRUE(envelope) << envelope.error().message;
      EXPECT_EQ((*envelope)["metadata"], list["metadata"]);
      EXPECT_TRUE((*envelope)["items"].empty());
    }
  }
}

TEST(ListDecoder, EmptyAndNull) {
  for (const char* body : {R"({"items":[],"metadata":{}})", R"({"items":null})", R"({})"}) {
    ListDecoder decoder;
    EXPECT_TRUE(items(decoder, body, 3).empty());
    EXPECT_TRUE(decoder.finish()) << body;
  }
}

TEST(ListDecoder, CutOffOrBroken) {
  ListDecoder cut;
  items(cut, R"({"items":[{"a":1},{"b")", 5);
  EXPECT_EQ(cut.finish().error().kind, ErrorKind::kUnavailable);
  ListDecoder nothing;
  EXPECT_FALSE(nothing.finish());
  ListDecoder bad;
  EXPECT_FALSE(bad.feed(R"({"items":[{"a":x}]})", [](Json&&) {}));
  ListDecoder scalars;
  items(scalars, R"({"items":[1,2]})", 99);
  EXPECT_FALSE(scalars.finish());
  ListDecoder large(20);
  EXPECT_EQ(large.feed(R"({"items":[{"a":"0123456789012345678901"}]})", [](Json&&) {}).error().kind,
            ErrorKind::kTooLarge);
}

}  // namespace
}  // namespace modelrun::kube
