#include "cli/point_lines.h"

#include <gtest/gtest.h>

namespace modelrun::cli {
namespace {

TEST(PointLines, HaveEveryDigitAndTheParameters) {
  api::ModelRun run;
  run.spec.points = nlohmann::json::array({{{"growth", 0.1}}, {{"growth", 0.2}}});
  api::PointRow good;
  good.outputs = api::JsonText::from_compact(R"({"value":1.50000000000000000001})");
  good.exit_code = 0;
  good.milliseconds = 12;
  api::PointRow bad;
  bad.point = 1;
  bad.phase = api::PointPhase::kFailed;
  bad.reason = "NonZeroExit";
  bad.message = "it said \"no\"";
  EXPECT_EQ(point_lines(run, {good, bad}),
            R"({"point":0,"parameters":{"growth":0.1},"phase":"Succeeded","outputs":{"value":1.50000000000000000001},)"
            R"("exitCode":0,"milliseconds":12})"
            "\n"
            R"({"point":1,"parameters":{"growth":0.2},"phase":"Failed","milliseconds":0,"reason":"NonZeroExit",)"
            R"("message":"it said \"no\""})"
            "\n");
}

}  // namespace
}  // namespace modelrun::cli
