#include "kube/point_rows.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/encoding.h"
#include "fakes/fake_api_server.h"
#include "fakes/manual_clock.h"

namespace modelrun::kube {
namespace {

using testing::HasSubstr;

std::string row(std::int64_t point) {
  api::PointRow made;
  made.point = point;
  made.outputs = nlohmann::json{{"point", point}};
  return api::encode_row(made);
}

Json map_of(const std::map<std::string, std::string>& chunks) {
  Json map = {{"binaryData", Json::object()}};
  for (const auto& [key, value] : chunks) map["binaryData"][key] = value;
  return map;
}

Result<std::vector<RowChunk>> chunks_of(const Json& config_map) {
  std::vector<RowChunk> chunks;
  const auto visited = visit_chunks(config_map, [&](RowChunk chunk) { chunks.push_back(std::move(chunk)); });
  RETURN_IF_ERROR(visited);
  return chunks;
}

TEST(PointRows, AreReadAsTheyWerePacked) {
  const auto chunks = chunks_of(map_of({{row_key(2, 0), pack_rows({row(5)})},
                                        {row_key(1, 100), pack_rows({row(3), row(4)})},
                                        {row_key(1, 0), pack_rows({row(0)})}}));
  ASSERT_TRUE(chunks) << chunks.error().message;
  ASSERT_EQ(chunks->size(), 3U);
  EXPECT_EQ((*chunks)[0].first, 0);
  EXPECT_EQ((*chunks)[1].first, 100);
  EXPECT_EQ((*chunks)[1].rows.size(), 2U);
  EXPECT_EQ((*chunks)[1].rows[1].outputs->text(), R"({"point":4})");
  EXPECT_EQ((*chunks)[2].attempt, 2) << "in the order of attempts";
  EXPECT_GT((*chunks)[2].bytes, 0U);
  EXPECT_TRUE(chunks_of(Json::object())->empty());
}

TEST(PointRows, WhatSomebodyElseHasWrittenIsRefused) {
  const auto refusal = [](const std::string& key, const std::string& value) {
    const auto chunks = chunks_of(map_of({{key, value}}));
    return chunks ? "" : chunks.error().message;
  };
  const auto good = pack_rows({row(0)});
  for (const char* key :
       {"result.json.gz", "000001.jsonl.gz", "-.jsonl.gz", "000000-000000.jsonl.gz", "1-x.jsonl.gz"}) {
    EXPECT_THAT(refusal(key, good), HasSubstr("no chunk of rows")) << key;
  }
  EXPECT_NE(refusal(row_key(1, 0), "%%%"), "");
  EXPECT_NE(refusal(row_key(1, 0), base64_encode("no gzip")), "");
  EXPECT_NE(refusal(row_key(1, 0), pack_rows({"{}"})), "");
  EXPECT_NE(refusal(row_key(1, 0), pack_rows(std::vector<std::string>(api::kMaxUnstoredRows + 1, row(0)))), "");
  EXPECT_NE(refusal(row_key(1, 0), base64_encode(gzip(std::string(kMaxChunkBytes + 1, '\n')))), "");
}

class RowsOfARun : public ::testing::Test {
 protected:
  RowsOfARun() {
    run_.meta.namespace_ = "n";
    run_.meta.name = "r";
    run_.meta.uid = "u";
    run_.spec.point_count = 3;
    run_.status.points.emplace().config_maps = {"rows"};
  }
  void put(const std::string& owner, const std::vector<std::string>& rows) {
    server_.put(kConfigMaps,
                {{"metadata",
                  {{"namespace", "n"},
                   {"name", "rows"},
                   {"ownerReferences", {{{"kind", "ModelRun"}, {"name", "r"}, {"uid", owner}, {"controller", true}}}}}},
                 {"binaryData", {{row_key(1, 0), pack_rows(rows)}}}});
  }
  std::vector<std::int64_t> points() {
    const auto rows = load_rows(client_, run_);
    std::vector<std::int64_t> points;
    if (!rows) error_ = rows.error().message;
    for (const auto& row : rows ? *rows : std::vector<api::PointRow>()) points.push_back(row.point);
    return points;
  }

  fakes::ManualClock clock_;
  fakes::FakeApiServer server_{clock_};
  Client client_{server_};
  api::ModelRun run_;
  std::string error_;
};

TEST_F(RowsOfARun, AreThoseOfItsPointsOnce) {
  put("u", {row(2), row(0), row(2), row(3)});
  EXPECT_THAT(points(), testing::ElementsAre(0, 2)) << error_;
}

TEST_F(RowsOfARun, AreNotWhatAnotherConfigMapHas) {
  put("other", {row(0)});
  EXPECT_THAT(points(), testing::IsEmpty());
  EXPECT_THAT(error_, HasSubstr("ConfigMap rows is not the run's"));
}

}  // namespace
}  // namespace modelrun::kube
