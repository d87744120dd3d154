#include "gateway/runs/run_fields.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/encoding.h"
#include "gateway/runs/names.h"
#include "gateway/runs/run_output.h"
#include "gateway/tools/schema.h"
#include "gateway/tools/tools.h"

namespace modelrun::gateway {
namespace {

using nlohmann::json;
using testing::HasSubstr;

api::ModelRun finished() {
  api::ModelRun run;
  run.meta.uid = "66666666-6666-6666-6666-666666666666";
  run.meta.namespace_ = "ns";
  run.spec.project = "forecasts";
  run.status.phase = api::Phase::kSucceeded;
  run.status.commit_sha = "abc1234def5678901234567890abcdef12345678";
  run.status.branch = "main";
  run.status.exit_code = 0;
  run.status.out = "Run completed in 1.42s\n";
  run.status.outputs = json{{"revenue", {100, 110, 121}}};
  run.status.started_at = parse_rfc3339("2026-04-28T10:00:00Z");
  run.status.finished_at = parse_rfc3339("2026-04-28T10:00:01.42Z");
  return run;
}

// The examples of the tools' reference.
TEST(Fields, SyncRunIsTheReferencesExample) {
  EXPECT_EQ(sync_fields(finished(), nullptr, "forecasts"), json::parse(R"({
    "run_id": "66666666-6666-6666-6666-666666666666", "project": "forecasts", "branch": null,
    "commit_sha": "abc1234def5678901234567890abcdef12345678", "status": "success", "exit_code": 0,
    "stdout": "Run completed in 1.42s\n", "stderr": "", "stdout_truncated": false, "stderr_truncated": false,
    "outputs": {"revenue": [100, 110, 121]}, "duration_seconds": 1.42, "data_snapshot_ref": null, "error": null})"));
}

// The fields of get_run that the reference has.
json of_reference(json fields) {
  for (const char* more : {"model_name", "parameters", "waiting_for", "warning"}) {
    EXPECT_EQ(fields.erase(more), 1U) << more;
  }
  return fields;
}

TEST(Fields, GetRunIsTheReferencesExample) {
  EXPECT_EQ(of_reference(run_fields(finished(), nullptr, "forecasts")), json::parse(R"({
    "run_id": "66666666-6666-6666-6666-666666666666", "run_number": null, "project_name": "forecasts",
    "status": "success", "commit_sha": "abc1234def5678901234567890abcdef12345678",
    "started_at": "2026-04-28T10:00:00+00:00", "finished_at": "2026-04-28T10:00:01.420000+00:00",
    "error_message": null, "output": {"status": "success", "exit_code": 0, "stdout": "Run completed in 1.42s\n",
      "stderr": "", "outputs": {"revenue": [100, 110, 121]}}, "truncated": false})"));
}

TEST(Fields, NewbornRunHasItsNulls) {
  api::ModelRun run;
  run.meta.uid = "u";
  const auto fields = run_fields(run, nullptr, "p");
  EXPECT_EQ(of_reference(fields),
            json::parse(R"({"run_id": "u", "run_number": null, "project_name": "p", "status": "pending",
    "commit_sha": null, "started_at": null, "finished_at": null, "error_message": null, "output": null,
    "truncated": false})"));
  const auto queued = async_fields(summarize(run), "p");
  EXPECT_EQ(queued["model_name"], nullptr);
  EXPECT_EQ(queued["commit_sha"], nullptr);
  EXPECT_EQ(queued["warning"], nullptr);
  EXPECT_THAT(queued["message"].get<std::string>(), HasSubstr("get_run"));
}

TEST(Fields, FailureHasReasonAndLastWords) {
  auto run = finished();
  run.status.phase = api::Phase::kFailed;
  run.status.exit_code = 1;
  run.status.error = api::RunError{"NonZeroExit", "the model exited with code 1"};
  run.status.err = std::string(5000, 'x') + "\nValueError: no data\n";
  EXPECT_EQ(sync_fields(run, nullptr, "p")["error"], "NonZeroExit: the model exited with code 1");
  const auto fields = run_fields(run, nullptr, "p");
  EXPECT_EQ(fields["error_message"], "NonZeroExit: the model exited with code 1\nstderr: ValueError: no data\n");
  EXPECT_EQ(fields["output"], nullptr);
  run.status.phase = api::Phase::kCancelled;
  run.status.error.reset();
  EXPECT_EQ(sync_fields(run, nullptr, "p")["error"], "cancelled");
}

TEST(Fields, FrameWinsOverWhatStandsInStatus) {
  const auto run = finished();
  api::ResultFrame frame;
  frame.out = {.head = "begin", .tail = "end", .total_bytes = 108};
  frame.outputs = json{{"big", 1}};
  const auto fields = sync_fields(run, &frame, "p");
  EXPECT_EQ(fields["stdout"], "begin\n[... 100 bytes were not kept ...]\nend");
  EXPECT_EQ(fields["stdout_truncated"], true);
  EXPECT_EQ(fields["outputs"], (json{{"big", 1}}));
}

TEST(Fields, SyncAnswerFitsIntoOneEvent) {
  const auto run = finished();
  api::ResultFrame frame;
  frame.out.head = std::string(900'000, 'x');
  frame.err.head = "kept";
  frame.outputs = json{{"a", std::string(600'000, 'y')}};
  const auto fields = sync_fields(run, &frame, "p");
  EXPECT_LE(fields.dump().size(), kMaxEvent);
  EXPECT_EQ(fields["stdout_truncated"], true);
  EXPECT_EQ(fields["stderr_truncated"], false);
  EXPECT_EQ(fields["stderr"], "kept");
  EXPECT_EQ(fields["outputs"], frame.outputs->parse());
}

TEST(Fields, PayloadIsCutToItsLimitAndSaysSo) {
  const auto run = finished();
  api::ResultFrame frame;
  frame.out.head = std::string(1500000, '\n');  // each byte becomes two as JSON
  frame.err.head = "kept";
  frame.outputs = json{{"a", 1}};
  const auto fields = run_fields(run, &frame, "p");
  EXPECT_EQ(fields["truncated"], true);
  EXPECT_LE(fields["output"].dump().size(), kMaxPayload);
  EXPECT_GT(fields["output"].dump().size(), kMaxPayload / 4);
  EXPECT_EQ(fields["output"]["stderr"], "kept");
  EXPECT_EQ(fields["output"]["outputs"], (json{{"a", 1}}));
}

// Every answer fits the schema that clients validate it with: no field more, none less.
TEST(Fields, AnswersHaveJustTheFieldsOfTheirSchema) {
  const auto names = [](const json& object) {
    std::set<std::string> all;
    for (const auto& [name, unused] : object.items()) all.insert(name);
    return all;
  };
  const auto properties = names(find_tool("run")->output_schema["properties"]);
  for (const auto& fields : {sync_fields(finished(), nullptr, "p"), async_fields(summarize(finished()), "p")}) {
    for (const auto& [name, unused] : fields.items()) EXPECT_TRUE(properties.contains(name)) << name;
  }
  EXPECT_EQ(names(run_fields(finished(), nullptr, "p")), names(find_tool("get_run")->output_schema["properties"]));
  EXPECT_EQ(names(list_entry(summarize(finished()))),
            names(find_tool("list_runs")->output_schema["properties"]["runs"]["items"]["properties"]));
  EXPECT_EQ(names(cancel_fields(summarize(finished()), /*was_over=*/true, "p")),
            names(find_tool("cancel_run")->output_schema["properties"]));
  EXPECT_EQ(names(*find_output(finished(), nullptr, "revenue", "auto", "p")),
            names(find_tool("get_run_output")->output_schema["properties"]));
}

TEST(Output, IsFoundByNameAndStem) {
  auto run = finished();
  auto outputs = run.status.outputs->parse();
  outputs["title"] = "Größe";
  run.status.outputs = outputs;
  const std::string bytes = "a,b\n\xff";
  run.status.artifacts = {{"sub/chart.csv", 5, sha256_hex(bytes), "text/csv", true}, {"lost.bin", 9, "", "", false}};
  api::ResultFrame frame;
  frame.artifacts = {{"sub/chart.csv", 5, sha256_hex(bytes), "text/csv", bytes}};
  const auto find = [&](const std::string& name, const std::string& encoding = "auto") {
    return find_output(run, &frame, name, encoding, "p");
  };
  EXPECT_EQ(find("revenue").value()["content"], "[100,110,121]");
  EXPECT_EQ(find("revenue").value()["encoding"], "json");
  EXPECT_EQ(find("revenue.json").value()["resolved_output_name"], "revenue");
  EXPECT_EQ(find("revenue.json").value()["resolution_path"], "output_without_json");
  EXPECT_EQ(find("title").value()["content"], "Größe");
  EXPECT_EQ(find("title").value()["encoding"], "text");
  EXPECT_EQ(find("title", "json").value()["content"], "\"Größe\"");
  EXPECT_EQ(find("chart").value()["content"], base64_encode(bytes));
  EXPECT_EQ(find("chart").value()["resolution_path"], "file_stem");
  EXPECT_THAT(find("chart", "text").error().message, HasSubstr("base64"));
  EXPECT_THAT(find("nothing").error().message, HasSubstr("there are revenue, title, sub/chart.csv, lost.bin"));
  EXPECT_THAT(find("lost.bin").error().message, HasSubstr("not kept"));
  frame.artifacts[0].bytes = gzip(bytes);
  frame.artifacts[0].gzip = true;
  EXPECT_EQ(find("sub/chart.csv").value()["content"], base64_encode(bytes)) << "as it was before it was compressed";
  frame.artifacts[0].gzip = false;
  frame.artifacts[0].bytes = "other";
  EXPECT_EQ(find("chart").error().kind, ErrorKind::kInternal);
  run.status.outputs = json{{"big", std::string(kMaxOutputContent + 1, 'x')}};
  EXPECT_EQ(find("big").error().kind, ErrorKind::kTooLarge);
}

TEST(Names, ProjectsAndIds) {
  EXPECT_EQ(parse_project("a", "ns")->namespace_, "ns");
  EXPECT_EQ(parse_project("x/a", "ns")->namespace_, "x");
  for (const char* bad : {"", "/", "a/", "/a", "a/b/c", "A", "a b", "../x", "a%2f"}) {
    EXPECT_FALSE(parse_project(bad, "ns")) << bad;
  }
  EXPECT_EQ(display_project("ns", "a", "ns"), "a");
  EXPECT_EQ(display_project("x", "a", "ns"), "x/a");
  EXPECT_EQ(run_id_digits("6666-6666").value(), "66666666");
  EXPECT_EQ(run_id_digits("ABCDEF01").value(), "abcdef01");
  for (const char* bad : {"", "6666666", "6666666g", "../../../..", "66666666666666666666666666666666f"}) {
    EXPECT_FALSE(run_id_digits(bad)) << bad;
  }
}

}  // namespace
}  // namespace modelrun::gateway
