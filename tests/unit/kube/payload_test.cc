#include "kube/payload.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/packed_document.h"

namespace modelrun::kube {
namespace {

using testing::HasSubstr;

struct Packed {
  api::ResultRef ref;
  std::vector<std::string> parts;
};

Packed pack(const api::ResultFrame& frame, std::size_t part_size) {
  auto packed = pack_document(api::encode_frame(frame), part_size);
  return {{.config_maps = {}, .sha256 = packed.sha256, .bytes = packed.bytes}, std::move(packed.parts)};
}

api::ResultFrame sample() {
  api::ResultFrame frame;
  frame.run_uid = "uid";
  frame.attempt = 1;
  frame.exit.how = api::ExitHow::kExited;
  frame.exit.code = 0;
  frame.out = {.head = "begin", .tail = "end", .total_bytes = 1000};
  frame.outputs = nlohmann::json{{"total", 42}};
  return frame;
}

TEST(Payload, IsPutTogetherFromItsParts) {
  const auto packed = pack(sample(), 40);
  ASSERT_GT(packed.parts.size(), 3U);
  const auto frame = assemble(packed.ref, packed.parts);
  ASSERT_TRUE(frame) << frame.error().message;
  EXPECT_EQ(frame->out.tail, "end");
  EXPECT_EQ(frame->outputs, (nlohmann::json{{"total", 42}}));
}

TEST(Payload, BadDigestSizeAndPartsAreRefused) {
  const auto good = pack(sample(), 40);
  auto bad = good;
  bad.ref.sha256[0] = bad.ref.sha256[0] == '0' ? '1' : '0';
  EXPECT_THAT(assemble(bad.ref, bad.parts).error().message, HasSubstr("SHA-256"));
  bad = good;
  ++bad.ref.bytes;
  EXPECT_THAT(assemble(bad.ref, bad.parts).error().message, HasSubstr("bytes where status says"));
  bad = good;
  bad.parts.pop_back();
  EXPECT_FALSE(assemble(bad.ref, bad.parts));
  bad = good;
  std::swap(bad.parts[0], bad.parts[1]);
  EXPECT_FALSE(assemble(bad.ref, bad.parts));
  bad = good;
  bad.parts[1] = "?!";
  EXPECT_THAT(assemble(bad.ref, bad.parts).error().message, HasSubstr("part 2 of "));
  EXPECT_FALSE(assemble(good.ref, {}));
}

}  // namespace
}  // namespace modelrun::kube
