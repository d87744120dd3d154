// Answers that come page by page or part by part: lists of runs and projects, logs, and outputs of any size.
#include "base/encoding.h"
#include "gateway/runs/cursor.h"
#include "gateway/runs/text_part.h"
#include "unit/gateway/fixture.h"

namespace modelrun::gateway {
namespace {

using nlohmann::json;
using testing::HasSubstr;

json with(json object, const json& more) {
  object.update(more);
  return object;
}

class PartsTest : public GatewayTest {
 protected:
  // All pages of a list: the answers, until one has no cursor.
  std::vector<json> pages(const std::string& tool, json arguments) {
    std::vector<json> all;
    for (int page = 0; page < 1000; ++page) {
      const auto fields = use(tool, arguments);
      if (!fields) {
        ADD_FAILURE() << fields.error().message;
        break;
      }
      all.push_back(*fields);
      if (fields->at("next_cursor").is_null()) break;
      arguments["cursor"] = fields->at("next_cursor");
      arguments.erase("offset");
      arguments.erase("status");
    }
    return all;
  }
  // The text of a log or of an output, put together from its parts.
  std::string whole_log(const std::string& uid, const json& more) {
    std::string text;
    for (const auto& part : pages("get_run_log", with({{"run_id", uid}}, more))) {
      EXPECT_LE(part.dump().size(), std::size_t{64} << 10U);
      text += part["text"].get<std::string>();
    }
    return text;
  }
  void put_project(const std::string& namespace_, const std::string& name, json spec = json::object()) {
    server.put(kube::kModelProjects,
               {{"metadata", {{"namespace", namespace_}, {"name", name}}}, {"spec", std::move(spec)}});
  }
  std::string put_printed(const std::string& name, const std::string& out, const std::string& err = {}) {
    auto status = success();
    status["stdout"] = out;
    status["stderr"] = err;
    return put_run(name, status);
  }
};

TEST_F(PartsTest, EveryRunIsListedOnceWhateverHappensInBetween) {
  std::set<std::string> wanted;
  for (int i = 0; i < 130; ++i) {
    if (i % 3 == 0) clock.advance(std::chrono::seconds(1));  // three runs in each second
    json status{{"phase", i % 2 == 0 ? "Succeeded" : "Failed"}};
    if (i % 7 != 0) status["runNumber"] = i + 1;
    const auto uid = put_run(fmt::format("r{}", i), status);
    if (i % 2 == 0) wanted.insert(uid);
  }
  std::multiset<std::string> listed;
  json arguments{{"project_name", "forecasts"}, {"status", "success"}, {"limit", 9}};
  std::string newest_before = "9999";
  for (int page = 0;; ++page) {
    const auto fields = use("list_runs", arguments).value();
    for (const auto& run : fields["runs"]) {
      EXPECT_EQ(run["status"], "success") << "the status stays without being sent again";
      EXPECT_LE(run["created_at"].get<std::string>(), newest_before);
      newest_before = run["created_at"];
      listed.insert(run["run_id"].get<std::string>());
    }
    if (fields["next_cursor"].is_null()) break;
    arguments = {{"project_name", "forecasts"}, {"limit", 9}, {"cursor", fields["next_cursor"]}};
    put_run(fmt::format("new{}", page), success());  // newer than all that is still to come
  }
  EXPECT_EQ(listed, std::multiset<std::string>(wanted.begin(), wanted.end()));
}

TEST_F(PartsTest, ACursorIsGoodForItsOwnListOnly) {
  put_project("ns", "budget");
  for (int i = 0; i < 3; ++i) put_run(fmt::format("r{}", i), success());
  const json first{{"project_name", "forecasts"}, {"limit", 1}, {"status", "success"}};
  const auto cursor = use("list_runs", first).value()["next_cursor"].get<std::string>();
  EXPECT_TRUE(use("list_runs", with(first, {{"cursor", cursor}})));
  for (const json& other :
       {json{{"project_name", "budget"}, {"cursor", cursor}}, with(first, {{"cursor", cursor}, {"status", "failed"}}),
        with(first, {{"cursor", cursor + "A"}}), with(first, {{"cursor", cursor.substr(1)}}),
        with(first, {{"cursor", "=="}}), with(first, {{"cursor", "né"}}),
        with(first, {{"cursor", std::string(kMaxCursorBytes + 1, 'A')}}),
        with(first, {{"cursor", encode_cursor("projects", {{"list", "ns/forecasts"}})}})}) {
    const auto refused = use("list_runs", other);
    ASSERT_FALSE(refused) << other;
    EXPECT_EQ(refused.error().kind, ErrorKind::kInvalid) << other;
    EXPECT_THAT(refused.error().message, HasSubstr("leave it out to begin anew"));
  }
  const auto list = use("list_projects", {{"limit", 1}}).value()["next_cursor"];
  EXPECT_FALSE(use("list_projects", {{"namespace", "*"}, {"cursor", list}}));
  EXPECT_FALSE(use("get_run_log", {{"run_id", put_printed("p", "x")}, {"cursor", list}}));
  // What was made by hand is no more than an argument.
  EXPECT_TRUE(use("list_runs", with(first, {{"cursor", encode_cursor("runs", {{"list", "ns/forecasts"},
                                                                              {"status", "success"},
                                                                              {"created", "soon"},
                                                                              {"number", -1}})}})));
}

TEST_F(PartsTest, ProjectsThatTheCallerMaySee) {
  for (int i = 0; i < 5; ++i) put_project("other", fmt::format("p{}", i));
  put_project("secret", "plans");
  put_project("team", "last");
  const auto own = use("list_projects", json::object()).value();
  EXPECT_EQ(own["total_returned"], 1);
  EXPECT_EQ(own["projects"][0]["project_name"], "forecasts");
  EXPECT_EQ(own["projects"][0]["models"], nullptr);
  EXPECT_EQ(own["projects"][0]["branches"], nullptr);
  EXPECT_EQ(own["next_cursor"], nullptr);
  access.grant("list other");
  access.grant("list team");
  std::vector<std::string> names;
  for (const auto& page : pages("list_projects", {{"namespace", "*"}, {"limit", 2}})) {
    EXPECT_LE(page["projects"].size(), 2U);
    for (const auto& each : page["projects"]) names.push_back(each["project_name"]);
    EXPECT_EQ(page.dump().find("secret"), std::string::npos);
  }
  EXPECT_EQ(names, (std::vector<std::string>{"forecasts", "other/p0", "other/p1", "other/p2", "other/p3", "other/p4",
                                             "team/last"}));
  EXPECT_EQ(use("list_projects", {{"namespace", "secret"}}).error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(use("list_projects", {{"project_name", "secret/plans"}}).error().message,
            "there is no project 'plans' in namespace secret that you can see");
  EXPECT_EQ(use("list_projects", {{"project_name", "nothing"}}).error().kind, ErrorKind::kNotFound);
  access.away = true;
  EXPECT_EQ(use("list_projects", {{"namespace", "*"}}).error().kind, ErrorKind::kUnavailable);
}

TEST_F(PartsTest, SoManyNamespacesAreLookedAtInOneCall) {
  for (std::size_t i = 0; i <= kMaxNamespaces; ++i) put_project(fmt::format("n{:03}", i), "p");
  access.asked = 0;
  EXPECT_EQ(use("list_projects", {{"namespace", "*"}}).error().kind, ErrorKind::kTooLarge);
  EXPECT_EQ(access.asked, 0);
}

TEST_F(PartsTest, OneProjectAndTheModelsThatItsRunsKnow) {
  server.put(kube::kModelProjects,
             {{"metadata",
               {{"namespace", "ns"},
                {"name", "forecasts"},
                {"annotations", {{"kubernetes.io/description", "What\nwe sell"}}}}},
              {"spec", {{"suspend", true}}},
              {"status",
               {{"defaultBranch", "trunk"},
                {"conditions", {{{"type", "Ready"}, {"status", "False"}, {"message", "no route"}}}}}}});
  const auto model = [&](const std::string& name, const std::string& commit, const std::string& phase) {
    clock.advance(std::chrono::seconds(1));
    return put_run(fmt::format("{}-{}-{}", name, commit, phase), {{"phase", phase}, {"commitSHA", commit}}, {}, "ns",
                   {{"project", "forecasts"}, {"scope", "model"}, {"modelName", name}});
  };
  model("b", "c1", "Succeeded");
  const auto newer = model("b", "c2", "Succeeded");
  const auto a = model("a", "c1", "Succeeded");
  model("typo", "c2", "Failed");
  clock.advance(std::chrono::seconds(1));
  put_run("next", {{"phase", "Pending"}}, {}, "ns", {{"project", "forecasts"}, {"branch", "next"}});
  for (const char* name : {"whole", "again"}) {
    clock.advance(std::chrono::seconds(1));
    put_run(name, success());
  }
  const auto project = use("list_projects", {{"project_name", "forecasts"}}).value()["projects"][0];
  EXPECT_EQ(project["description"], "What we sell");
  EXPECT_EQ(project["default_branch"], "trunk");
  EXPECT_EQ(project["suspended"], true);
  EXPECT_EQ(project["ready"], false);
  EXPECT_EQ(project["message"], "no route");
  EXPECT_EQ(project["branches"], (json{"main", "next"})) << "that of the newest run first, each once";
  EXPECT_EQ(project["models"], json::array({{{"model_name", "a"}, {"commit_sha", "c1"}, {"run_id", a}},
                                            {{"model_name", "b"}, {"commit_sha", "c2"}, {"run_id", newer}}}));
  const auto at = use("list_projects", {{"project_name", "forecasts"}, {"commit_sha", "c2"}}).value();
  EXPECT_EQ(at["projects"][0]["models"].size(), 1U);
  for (const json& wrong : {json{{"commit_sha", "c2"}}, json{{"project_name", "forecasts"}, {"namespace", "ns"}},
                            json{{"limit", 0}}, json{{"limit", 501}}, json{{"namespace", "No..Name"}}}) {
    EXPECT_EQ(use("list_projects", wrong).error().kind, ErrorKind::kInvalid) << wrong;
  }
}

// Characters of several bytes, escapes that make a text longer, and what is no text.
TEST(TextParts, FitAndPutTheWholeTogether) {
  std::string umlauts;
  for (int i = 0; i < 20'000; ++i) umlauts += "aä€🎈\n";
  for (const auto& whole :
       {std::string(), std::string("x"), umlauts, std::string(100'000, '\1'), std::string(200'000, 'x')}) {
    for (const std::size_t limit : {kMinPart, std::size_t{7}, std::size_t{1000}, kMaxPart}) {
      if (limit < 100 && whole.size() > 150'000) continue;
      std::string text;
      std::size_t at = 0;
      do {
        const auto part = text_part(whole, at, limit);
        ASSERT_EQ(part.begin, at);
        ASSERT_LE(part.end - part.begin, limit);
        ASSERT_TRUE(part.end > at || whole.empty()) << "it makes progress";
        ASSERT_LE(json(part.text).dump().size(), kMaxPartJson);
        text += part.text;
        at = part.end;
      } while (at < whole.size());
      EXPECT_EQ(text, whole);
    }
  }
  EXPECT_EQ(text_part("aä", 2, 10).text, "ä") << "a part begins with a character";
  EXPECT_EQ(text_part("abc", 7, 10).text, "");
  EXPECT_EQ(text_part("\x80\x80\x80\x80\x80\x80", 0, 4).end, 4U) << "bytes that are no text do not stop it";
}

TEST_F(PartsTest, LogOfARunThatIsOver) {
  std::string out;
  for (int i = 0; i < 9'000; ++i) out += fmt::format("line {} \"ä\"\n", i);
  const auto uid = put_printed("a", out, "warned\n");
  EXPECT_EQ(whole_log(uid, {{"stream", "stdout"}}), out);
  EXPECT_EQ(whole_log(uid, {{"stream", "stdout"}, {"limit", 65536}}), out);
  EXPECT_EQ(whole_log(uid, {{"stream", "stderr"}}), "warned\n");
  EXPECT_EQ(whole_log(uid, json::object()), out + "--- stderr ---\nwarned\n");
  const auto tail = use("get_run_log", {{"run_id", uid}, {"stream", "stdout"}, {"offset", -12}}).value();
  EXPECT_EQ(tail["text"], out.substr(out.size() - 12));
  EXPECT_EQ(tail["offset"], out.size() - 12);
  EXPECT_EQ(tail["total_bytes"], out.size());
  EXPECT_EQ(tail["stdout_bytes"], out.size());
  EXPECT_EQ(tail["truncated"], false);
  EXPECT_EQ(tail["next_cursor"], nullptr);
  EXPECT_EQ(use("get_run_log", {{"run_id", uid}, {"offset", 1'000'000}}).value()["text"], "");
  EXPECT_EQ(use("get_run_log", {{"run_id", uid}, {"offset", -65536}}).value()["status"], "success");
  for (const json& wrong :
       {json{{"limit", 3}}, json{{"limit", 65537}}, json{{"stream", "all"}}, json{{"offset", -65537}}}) {
    EXPECT_EQ(use("get_run_log", with({{"run_id", uid}}, wrong)).error().kind, ErrorKind::kInvalid) << wrong;
  }
  access.revoke("get ns");
  EXPECT_EQ(use("get_run_log", {{"run_id", uid}}).error().kind, ErrorKind::kNotFound);
}

TEST_F(PartsTest, LogOfARunThatGoesOnIsFollowedByItsCursor) {
  const auto uid = put_run("a", {{"phase", "Pending"}});
  const auto read = [&](json more) { return use("get_run_log", with({{"run_id", uid}}, std::move(more))).value(); };
  auto part = read(json::object());
  EXPECT_EQ(part["text"], "");
  EXPECT_EQ(part["status"], "pending");
  server.put(kube::kPods, {{"metadata", {{"namespace", "ns"}, {"name", "pod-1"}}}});
  set_status({{"phase", "Running"}, {"podName", "pod-1"}});
  server.set_pod_log("ns", "pod-1", "model", "one\ntw\xc3");
  part = read({{"cursor", part["next_cursor"]}});
  EXPECT_EQ(part["text"], "one\ntw") << "half a character waits for its other half";
  EXPECT_EQ(part["restarted"], false);
  EXPECT_EQ(part["stream"], "both");
  server.set_pod_log("ns", "pod-1", "model", "one\ntwö\nthree\n");
  EXPECT_EQ(read({{"offset", -6}})["text"], "three\n");
  EXPECT_EQ(read({{"offset", -6}})["total_bytes"], 15);
  part = read({{"cursor", part["next_cursor"]}, {"limit", 4}});
  EXPECT_EQ(part["text"], "ö\nt");
  part = read({{"cursor", part["next_cursor"]}});
  EXPECT_EQ(part["text"], "hree\n");
  part = read({{"cursor", part["next_cursor"]}});
  EXPECT_EQ(part["text"], "");
  // The runtime has begun a new file, then the run another pod, and at last it is over: nothing is left out in silence.
  server.set_pod_log("ns", "pod-1", "model", "new\n");
  part = read({{"cursor", part["next_cursor"]}});
  EXPECT_EQ(part["text"], "new\n");
  EXPECT_EQ(part["restarted"], true);
  server.put(kube::kPods, {{"metadata", {{"namespace", "ns"}, {"name", "pod-2"}}}});
  server.set_pod_log("ns", "pod-2", "model", "again\n");
  set_status({{"phase", "Running"}, {"podName", "pod-2"}});
  part = read({{"cursor", part["next_cursor"]}});
  EXPECT_EQ(part["text"], "again\n");
  EXPECT_EQ(part["restarted"], true);
  set_status(success());
  part = read({{"cursor", part["next_cursor"]}});
  EXPECT_EQ(part["text"], "Run completed in 1.42s\n");
  EXPECT_EQ(part["restarted"], true);
  EXPECT_EQ(part["next_cursor"], nullptr);
}

TEST_F(PartsTest, LogOfAPodWantsTheRightToReadIt) {
  server.put(kube::kPods, {{"metadata", {{"namespace", "ns"}, {"name", "pod-1"}}}});
  const auto uid = put_run("a", {{"phase", "Running"}, {"podName", "pod-1"}}, {}, "shared");
  access.grant("get shared");
  server.put(kube::kPods, {{"metadata", {{"namespace", "shared"}, {"name", "pod-1"}}}});
  EXPECT_TRUE(use("get_run_log", {{"run_id", uid}}));
  access.revoke("get shared");
  EXPECT_EQ(use("get_run_log", {{"run_id", uid}}).error().kind, ErrorKind::kNotFound);
}

TEST_F(PartsTest, OutputsOfAnySizeComeInParts) {
  std::string bytes;
  for (int i = 0; i < 200'000; ++i) bytes += static_cast<char>(i * 7);
  api::ResultFrame frame;
  frame.outputs = json{{"big", std::string(1'100'000, 'x')}, {"small", {1, 2}}};
  frame.artifacts = {{"raw.bin", bytes.size(), sha256_hex(bytes), {}, bytes}};
  const auto document = api::encode_frame(frame);
  server.put(kube::kConfigMaps, {{"metadata", {{"namespace", "ns"}, {"name", "part"}}},
                                 {"binaryData", {{"part", base64_encode(gzip(document))}}}});
  auto status = success();
  status.erase("outputs");
  status["artifacts"] = {
      {{"name", "raw.bin"}, {"size", bytes.size()}, {"sha256", sha256_hex(bytes)}, {"stored", true}}};
  status["resultRef"] = {{"configMaps", {"part"}}, {"sha256", sha256_hex(document)}, {"bytes", document.size()}};
  const auto uid = put_run("a", status);
  const auto read = [&](const std::string& name, const json& more) {
    std::string whole;
    json arguments = with({{"run_id", uid}, {"output_name", name}, {"offset", 0}}, more);
    while (true) {
      const auto part = use("get_run_output", arguments);
      if (!part) return part.error().message;
      EXPECT_LE(part->dump().size(), std::size_t{64} << 10U);
      const auto content = part->at("content").get<std::string>();
      whole += part->at("encoding") == "base64" ? base64_decode(content).value() : content;
      if (part->at("next_offset").is_null()) return whole;
      EXPECT_EQ(part->at("truncated"), true);
      arguments["offset"] = part->at("next_offset");
    }
  };
  EXPECT_THAT(use("get_run_output", {{"run_id", uid}, {"output_name", "big"}}).error().message,
              HasSubstr("offset and limit"));
  EXPECT_TRUE(read("big", {{"limit", 65536}}) == std::string(1'100'000, 'x'));
  EXPECT_TRUE(read("raw.bin", {{"limit", 65536}}) == bytes);
  EXPECT_TRUE(read("*", {{"limit", 65536}}) == frame.outputs->parse().dump());
  EXPECT_EQ(read("small", {{"limit", 4}}), "[1,2]");
  EXPECT_EQ(read("small", {{"limit", 4}, {"encoding", "base64"}}), "[1,2]");
  EXPECT_EQ(read("small", {{"offset", 6}}), "offset: small has 5 bytes in this encoding");
  const auto whole = use("get_run_output", {{"run_id", uid}, {"output_name", "small"}}).value();
  EXPECT_EQ(whole["next_offset"], nullptr);
  EXPECT_EQ(whole["truncated"], false);
}

}  // namespace
}  // namespace modelrun::gateway
