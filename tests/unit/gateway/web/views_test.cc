// What plain HTTP tells of a namespace and of one run beyond the tools.
#include "base/encoding.h"
#include "gateway/runs/cursor.h"
#include "unit/gateway/http/http_fixture.h"

namespace modelrun::gateway {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::StartsWith;

class ViewsTest : public HttpTest {
 protected:
  ViewsTest() {
    server.put(kube::kModelProjects,
               {{"metadata", {{"namespace", "ns"}, {"name", "budget"}}},
                {"spec", {{"suspend", true}}},
                {"status", {{"defaultBranch", "trunk"}, {"lastRunNumber", 4}, {"queuedRuns", 2}}}});
    server.put(kube::kModelProjects, {{"metadata", {{"namespace", "other"}, {"name", "secret"}}}, {"spec", {}}});
  }
  Answer get(const std::string& target) { return ask(request("GET", target)); }

  // A run whose files stand in a ConfigMap.
  std::string put_run_with_file(const std::string& name, const std::string& bytes, const std::string& stored_bytes) {
    api::ResultFrame frame;
    frame.artifacts = {{name, bytes.size(), sha256_hex(bytes), {}, stored_bytes}};
    const auto payload = api::encode_frame(frame);
    server.put(kube::kConfigMaps, {{"metadata", {{"namespace", "ns"}, {"name", "part-0"}}},
                                   {"binaryData", {{"payload", base64_encode(gzip(payload))}}}});
    auto status = success();
    status["artifacts"] = {{{"name", name}, {"size", bytes.size()}, {"sha256", sha256_hex(bytes)}, {"stored", true}}};
    status["resultRef"] = {{"configMaps", {"part-0"}}, {"sha256", sha256_hex(payload)}, {"bytes", payload.size()}};
    return put_run("with-file", status);
  }
};

TEST_F(ViewsTest, ProjectsOfTheCallersNamespace) {
  const auto fields = get("/v1/projects").json();
  EXPECT_EQ(fields["namespace"], "ns");
  EXPECT_EQ(fields["may_run"], true);
  EXPECT_EQ(fields["may_cancel"], true);
  ASSERT_EQ(fields["total_returned"], 2);
  EXPECT_EQ(fields["projects"][0], json::parse(R"({"project_name": "budget", "default_branch": "trunk",
    "last_commit": null, "last_run_number": 4, "active_runs": 0, "queued_runs": 2, "suspended": true,
    "description": null, "ready": null, "message": null, "models": null, "branches": null})"));
  const auto one = get("/v1/projects?project_name=budget").json();
  EXPECT_EQ(one["projects"][0]["models"], json::array());
  EXPECT_EQ(one["namespace"], "ns");
  const auto first = get("/v1/projects?limit=1").json();
  EXPECT_EQ(first["total_returned"], 1);
  const auto second = get("/v1/projects?limit=1&cursor=" + first["next_cursor"].get<std::string>()).json();
  EXPECT_EQ(second["projects"][0]["project_name"], "forecasts");
  EXPECT_EQ(second["next_cursor"], nullptr);
  const auto all = get("/v1/projects?namespace=*").json();
  EXPECT_EQ(all["total_returned"], 2);
  EXPECT_EQ(all["may_run"], nullptr);
  EXPECT_EQ(get("/v1/projects?limit=0").status, 422);
  EXPECT_EQ(fields["projects"][1]["project_name"], "forecasts");
  EXPECT_EQ(ask(request("POST", "/v1/projects", "{}")).status, 405);
}

TEST_F(ViewsTest, ANamespaceOfOthersLooksAsIfItWereNotThere) {
  for (const char* target : {"/v1/projects?namespace=other", "/v1/runs?namespace=other", "/v1/runs?namespace=none"}) {
    EXPECT_EQ(get(target).status, 404) << target;
  }
  EXPECT_EQ(get("/v1/projects?namespace=No..Name").status, 422);
  access.grant("list other");
  const auto seen = get("/v1/projects?namespace=other").json();
  EXPECT_EQ(seen["projects"][0]["project_name"], "other/secret");
  EXPECT_EQ(seen["may_run"], false);
  EXPECT_EQ(seen["may_cancel"], false);
}

TEST_F(ViewsTest, NewestRunsOfANamespace) {
  put_run("a", success());
  put_run("b", {{"phase", "Running"}}, {}, "ns", {{"project", "budget"}, {"scope", "model"}, {"modelName", "revenue"}});
  put_run("c", success(), {}, "other");
  const auto all = get("/v1/runs?limit=50").json();
  EXPECT_EQ(all["project_name"], nullptr);
  EXPECT_EQ(all["total_returned"], 2);
  const auto running = get("/v1/runs?status=running").json();
  ASSERT_EQ(running["total_returned"], 1);
  EXPECT_EQ(running["runs"][0]["project_name"], "budget");
  EXPECT_EQ(running["runs"][0]["model_name"], "revenue");
  const auto first = get("/v1/runs?limit=1").json();
  EXPECT_EQ(first["total_returned"], 1);
  const auto second = get("/v1/runs?limit=1&cursor=" + first["next_cursor"].get<std::string>()).json();
  EXPECT_EQ(second["total_returned"], 1);
  EXPECT_NE(second["runs"][0]["run_id"], first["runs"][0]["run_id"]);
  EXPECT_EQ(second["next_cursor"], nullptr);
  EXPECT_EQ(get("/v1/runs?limit=51").status, 422);
  EXPECT_EQ(get("/v1/runs?status=done").status, 422);
  EXPECT_EQ(get("/v1/runs?project_name=forecasts&namespace=ns").status, 422);
}

TEST_F(ViewsTest, RunsAreSearchedAndSortedOnTheServer) {
  const auto put = [&](const std::string& name, const std::string& model, int seconds, int number) {
    clock.advance(std::chrono::seconds(1));
    put_run(name,
            {{"phase", "Succeeded"},
             {"runNumber", number},
             {"branch", "trunk"},
             {"startedAt", "2026-04-28T10:00:00.000000Z"},
             {"finishedAt", fmt::format("2026-04-28T10:00:{:02}.000000Z", seconds)}},
            {}, "ns", {{"project", "forecasts"}, {"scope", "model"}, {"modelName", model}});
  };
  put("a", "revenue", 5, 1);
  put("b", "Costs", 50, 2);
  put("c", "revenue", 20, 3);
  put("d", "margin", 1, 12);
  put_run("e", {{"phase", "Pending"}}, {}, "ns",
          {{"project", "forecasts"}, {"scope", "model"}, {"modelName", "new"}, {"branch", "next"}});
  const auto models = [&](const std::string& query) {
    std::string names;
    for (std::string cursor;;) {
      const auto page = get("/v1/runs?limit=2&" + (cursor.empty() ? query : "cursor=" + cursor)).json();
      for (const auto& run : page["runs"]) names += run["model_name"].get<std::string>() + " ";
      if (page["next_cursor"].is_null()) return names;
      cursor = page["next_cursor"];
    }
  };
  EXPECT_EQ(models("sort=-created"), models(""));
  EXPECT_EQ(models("sort=created"), "revenue Costs revenue margin new ");
  EXPECT_EQ(models("sort=-duration"), "Costs revenue revenue margin new ");
  EXPECT_EQ(models("sort=duration"), "new margin revenue revenue Costs ");
  EXPECT_EQ(models("sort=name"), "Costs margin new revenue revenue ");
  EXPECT_EQ(models("sort=status"), "new margin revenue Costs revenue ") << "pending, then success, the newest first";
  EXPECT_EQ(models("search=REVEN&sort=-duration"), "revenue revenue ");
  EXPECT_EQ(models("search=forecasts%20trunk%20%2312"), "margin ");
  EXPECT_EQ(models("search=next"), "new ");
  EXPECT_EQ(models("search=%20"), models(""));
  EXPECT_EQ(models("search=nowhere"), "");
  const auto first = get("/v1/runs?limit=2&search=revenue&status=success").json();
  EXPECT_EQ(first["total"], 2);
  EXPECT_EQ(first["runs"][0]["branch"], "trunk");
  const auto longest = get("/v1/runs?limit=2&sort=-duration").json();
  EXPECT_EQ(longest["total"], 5);
  const auto next = "/v1/runs?limit=2&cursor=" + longest["next_cursor"].get<std::string>();
  EXPECT_EQ(get(next).json()["total"], 5) << "of all pages";
  EXPECT_EQ(get(next + "&sort=name").status, 422);
  EXPECT_EQ(get(next + "&search=revenue").status, 422);
  EXPECT_EQ(get("/v1/runs?sort=size").status, 422);
  EXPECT_EQ(get("/v1/runs?search=" + std::string(101, 'x')).status, 422);
  // What was made by hand is no more than an argument.
  EXPECT_EQ(
      get("/v1/runs?cursor=" + encode_cursor("runs", {{"list", "ns/"}, {"sort", "size"}, {"measure", "x"}})).status,
      200);
}

TEST_F(ViewsTest, PartsOfALogAndOfAnOutput) {
  const auto path = "/v1/runs/" + put_run("a", success());
  const auto log = get(path + "/log?stream=stdout&limit=4").json();
  EXPECT_EQ(log["text"], "Run ");
  EXPECT_EQ(get(path + "/log?limit=65536&cursor=" + log["next_cursor"].get<std::string>()).json()["text"],
            "completed in 1.42s\n");
  EXPECT_EQ(get(path + "/log?offset=-3").json()["text"], "2s\n");
  EXPECT_EQ(get(path + "/log?lines=3").status, 422);
  EXPECT_EQ(get(path + "/outputs/revenue?offset=1&limit=4").json()["content"], "100,");
  EXPECT_EQ(get(path + "/outputs/revenue?offset=1&limit=4").json()["next_offset"], 5);
  EXPECT_EQ(ask(request("POST", path + "/log", "{}")).status, 405);
}

TEST_F(ViewsTest, DetailsOfARun) {
  auto status = success();
  status["provenance"] = {{"imageID", "python@sha256:1"}, {"sourceDigest", "sha256:2"}};
  status["timeline"] = {{"accepted", "2026-04-28T09:59:58.000000Z"}, {"resumed", "2026-04-28T09:59:59.000000Z"}};
  status["attempts"] = 1;
  status["reusedFrom"] = {{"name", "first"}, {"uid", "first-uid"}};
  const auto uid =
      put_run("a", status, {}, "ns",
              {{"project", "forecasts"}, {"scope", "model"}, {"modelName", "m"}, {"parameters", {{"years", 3}}}});
  auto object = server.all(kube::kModelRuns).front();
  object["metadata"]["annotations"] = {{"modelrun.dev/requested-by", "login:ana\x1b[1m" + std::string(999, 'x')}};
  cache.note(api::decode_model_run(server.put(kube::kModelRuns, object)));
  const auto fields = get("/v1/runs/" + uid + "/details").json();
  EXPECT_EQ(fields["project_name"], "forecasts");
  EXPECT_EQ(fields["model_name"], "m");
  EXPECT_EQ(fields["parameters"], json::parse(R"({"years": 3})"));
  EXPECT_EQ(fields["branch"], "main");
  EXPECT_THAT(fields["requested_by"].get<std::string>(), StartsWith("login:ana?[1mxxx"));
  EXPECT_EQ(fields["requested_by"].get<std::string>().size(), 256U);
  EXPECT_EQ(fields["outputs"]["revenue"], json::parse("[100, 110, 121]"));
  EXPECT_EQ(fields["reused_from"], (json{{"run_id", "first-uid"}, {"name", "first"}, {"run_number", nullptr}}));
  EXPECT_EQ(fields["provenance"]["image_id"], "python@sha256:1");
  EXPECT_EQ(fields["provenance"]["source_digest"], "sha256:2");
  EXPECT_EQ(fields["timeline"]["accepted"], "2026-04-28T09:59:58+00:00");
  EXPECT_EQ(fields["timeline"]["resumed"], "2026-04-28T09:59:59+00:00");
  EXPECT_EQ(fields["may_cancel"], true);
  EXPECT_EQ(fields["result_error"], nullptr);
  access.revoke("patch ns");
  EXPECT_EQ(get("/v1/runs/" + uid + "/details").json()["may_cancel"], false);
  access.revoke("get ns");
  EXPECT_EQ(get("/v1/runs/" + uid + "/details").status, 404);
}

TEST_F(ViewsTest, DetailsSayWhenThereIsMoreThanCanBeRead) {
  auto status = success();
  status["stdoutTruncated"] = true;
  status["resultRef"] = {{"configMaps", {"gone"}}, {"sha256", "0"}, {"bytes", 1}};
  const auto fields = get("/v1/runs/" + put_run("a", status) + "/details").json();
  EXPECT_THAT(fields["result_error"].get<std::string>(), HasSubstr("full result cannot be read"));
  EXPECT_EQ(fields["stdout"], "Run completed in 1.42s\n");
}

TEST_F(ViewsTest, EveryFieldIsInTheDocument) {
  const auto document = get("/openapi.json").json();
  const auto& paths = document["paths"];
  const auto uid = put_run("a", success());
  for (const auto& [path, target] : std::vector<std::pair<std::string, std::string>>{
           {"/v1/projects", "/v1/projects"},
           {"/v1/runs", "/v1/runs"},
           {"/v1/runs/{run_id}", "/v1/runs/" + uid},
           {"/v1/runs/{run_id}/log", "/v1/runs/" + uid + "/log"},
           {"/v1/runs/{run_id}/outputs/{output_name}", "/v1/runs/" + uid + "/outputs/revenue"},
           {"/v1/runs/{run_id}/details", "/v1/runs/" + uid + "/details"}}) {
    const auto ref = paths[path]["get"]["responses"]["200"]["content"]["application/json"]["schema"]["$ref"];
    const auto& schema = document.at(json::json_pointer(ref.get<std::string>().substr(1)));
    std::set<std::string> written, sent;
    for (const auto& [name, unused] : schema["properties"].items()) written.insert(name);
    const auto answer = get(target).json();
    for (const auto& [name, unused] : answer.items()) sent.insert(name);
    EXPECT_EQ(written, sent) << path;
  }
  const auto& schemas = document["components"]["schemas"];
  EXPECT_EQ(schemas["Problem"]["required"].size(), 4U);
  const auto& posted = paths["/v1/runs"]["post"]["responses"];
  EXPECT_NE(posted["200"]["content"], posted["202"]["content"]) << "a result and a run that was started";
  EXPECT_FALSE(schemas["StartedRun"]["properties"].contains("stdout"));
  EXPECT_FALSE(schemas["RunResult"]["properties"].contains("warning"));
  EXPECT_TRUE(schemas["Run"]["properties"]["run_id"].contains("pattern"));
}

TEST_F(ViewsTest, FilesAreAttachmentsThatNoBrowserRuns) {
  const std::string page = "<script>alert(1)</script>";
  const auto uid = put_run_with_file("charts/a \"b\"\xc3\xa4.html", page, page);
  const auto answer = get("/v1/runs/" + uid + "/artifacts/charts/a%20%22b%22%C3%A4.html");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, page);
  EXPECT_EQ(answer.headers.at("content-type"), "application/octet-stream");
  EXPECT_EQ(answer.headers.at("content-disposition"), "attachment; filename*=UTF-8''a%20%22b%22%C3%A4.html");
  EXPECT_EQ(answer.headers.at("x-content-type-options"), "nosniff");
  EXPECT_THAT(answer.headers.at("content-security-policy"), HasSubstr("sandbox"));
  EXPECT_EQ(get("/v1/runs/" + uid + "/artifacts/none.txt").status, 404);
  EXPECT_EQ(get("/v1/runs/" + uid + "/artifacts/").status, 404);
  access.revoke("get ns");
  EXPECT_EQ(get("/v1/runs/" + uid + "/artifacts/charts/a%20%22b%22%C3%A4.html").status, 404);
}

TEST_F(ViewsTest, AFileWithAnotherDigestIsNotServed) {
  const auto uid = put_run_with_file("a.txt", "what the run left", "something else");
  EXPECT_EQ(get("/v1/runs/" + uid + "/artifacts/a.txt").status, 500);
}

}  // namespace
}  // namespace modelrun::gateway
