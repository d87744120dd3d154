#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "api/sandbox.h"
#include "base/encoding.h"
#include "fixture.h"

namespace modelrun::cli {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::Not;

struct Commands : testing::Test, Program {
  // A finished run whose full result stands in two ConfigMaps.
  void put_large(const std::string& name, const std::string& digest = "") {
    api::ResultFrame frame;
    frame.exit.how = api::ExitHow::kExited;
    frame.out = {.head = "first\n", .tail = "last\n", .total_bytes = 100};
    frame.err = {.head = "oops\n", .tail = "", .total_bytes = 5};
    frame.outputs = json{{"big", "value"}};
    frame.artifacts = {{.name = "chart.png",
                        .size = 3,
                        .sha256 = sha256_hex("png"),
                        .media_type = "image/png",
                        .bytes = gzip("png"),
                        .gzip = true}};
    const std::string document = api::encode_frame(frame);
    const std::string text = base64_encode(gzip(document));
    put_part("part-1", text.substr(0, 80));
    put_part("part-2", text.substr(80));
    put_run(name, {{"phase", "Succeeded"},
                   {"stdout", "first\n[...]\nlast\n"},
                   {"stdoutTruncated", true},
                   {"stderr", "oops\n"},
                   {"startedAt", "2026-01-01T00:00:00Z"},
                   {"artifacts",
                    {{{"name", "chart.png"}, {"size", 3}, {"sha256", sha256_hex("png")}, {"stored", true}},
                     {{"name", "huge.bin"}, {"size", 9}, {"stored", false}}}},
                   {"resultRef",
                    {{"configMaps", {"part-1", "part-2"}},
                     {"sha256", digest.empty() ? sha256_hex(document) : digest},
                     {"bytes", document.size()}}}});
  }
  void put_part(const std::string& name, const std::string& text) {
    server.put(kube::kConfigMaps,
               {{"metadata", {{"namespace", "ns"}, {"name", name}}}, {"binaryData", {{"result.json.gz", text}}}});
  }
  json created() { return server.all(kube::kModelRuns).back(); }
};

TEST_F(Commands, WrongUsageIs2) {
  EXPECT_EQ(run({}), 2);
  EXPECT_EQ(run({"frobnicate"}), 2);
  EXPECT_EQ(run({"get", "--phase", "Lost"}), 2);
  EXPECT_EQ(run({"run", "p", "--branch", "a", "--commit", "b"}), 2);
  EXPECT_EQ(run({"run", "--help"}), 0);
  EXPECT_THAT(out, HasSubstr("Examples:"));
}

TEST_F(Commands, RunStartsAndWaits) {
  on_watch([this] {
    end_run({{"phase", "Running"}, {"message", "the model is running"}});
    end_run({{"phase", "Succeeded"}, {"exitCode", 0}, {"outputs", {{"total", 42}}}});
  });
  EXPECT_EQ(run({"run", "p", "--model", "revenue", "--param", "rate=0.05", "--param", "list=[1,2]", "--timeout", "9"}),
            0)
      << err;
  EXPECT_EQ(created().at("spec"), json::parse(R"({"project":"p","scope":"model","modelName":"revenue",
    "parameters":{"rate":0.05,"list":[1,2]},"timeoutSeconds":9})"));
  EXPECT_EQ(created().at("metadata").at("labels"), (json{{"modelrun.dev/created-by", "cli"}}));
  EXPECT_THAT(err, HasSubstr("created in namespace ns"));
  EXPECT_THAT(err, HasSubstr("Running: the model is running"));
  EXPECT_THAT(out, HasSubstr("Phase:     Succeeded"));
  EXPECT_THAT(out, HasSubstr("\"total\": 42"));
}

TEST_F(Commands, RunPassesTheExitCodeOnAndTellsLastWords) {
  on_watch([this] {
    end_run({{"phase", "Failed"},
             {"exitCode", 3},
             {"stderr", "Traceback\nValueError: no\n"},
             {"error", {{"reason", "NonZeroExit"}, {"message", "exit code 3"}}}});
  });
  EXPECT_EQ(run({"run", "p", "-o", "outputs"}), 3);
  EXPECT_EQ(out, "null\n");
  EXPECT_THAT(err, HasSubstr("Failed (NonZeroExit)"));
  EXPECT_THAT(err, HasSubstr("  ValueError: no\n"));
}

TEST_F(Commands, RunFromAManifestOnStandardInput) {
  input = "apiVersion: modelrun.dev/v1alpha1\nkind: ModelRun\nspec: {project: p, scope: project}\n";
  EXPECT_EQ(run({"run", "-f", "-", "--no-wait", "-o", "name", "-n", "other"}), 0) << err;
  EXPECT_TRUE(out.starts_with("modelrun.modelrun.dev/p-")) << out;
  EXPECT_EQ(created().at("metadata").at("namespace"), "other");
}

TEST_F(Commands, RunRefusesWhatDoesNotGoTogether) {
  EXPECT_EQ(run({"run"}), 1);
  EXPECT_THAT(err, HasSubstr("name a PROJECT"));
  EXPECT_EQ(run({"run", "p", "-f", "x.yaml"}), 1);
  EXPECT_THAT(err, HasSubstr("-f stands alone"));
  EXPECT_EQ(run({"run", "p", "--no-wait", "-o", "outputs"}), 1);
  EXPECT_EQ(server.writes(), 0);
}

TEST_F(Commands, ALostAnswerToACreateIsToldAsSuch) {
  server.set_hook(
      [](const kube::Request&, int write) { return write > 0 ? fakes::Fault::kDropAfter : fakes::Fault::kNone; });
  EXPECT_EQ(run({"run", "p"}), 1);
  EXPECT_EQ(server.writes(), 1);
  EXPECT_THAT(err, HasSubstr("may have been created all the same: see `kubectl modelrun get -n ns`"));
}

TEST_F(Commands, CtrlCLeavesTheRunAndSaysHowToGoOn) {
  on_watch([this] { stop.request_stop(); });
  EXPECT_EQ(run({"run", "p", "--context", "staging"}), 130);
  EXPECT_THAT(err, HasSubstr("goes on"));
  EXPECT_THAT(err, HasSubstr(fmt::format("kubectl modelrun wait {} -n ns --context staging",
                                         created().at("metadata").at("name").get<std::string>())));
  EXPECT_FALSE(created().at("spec").contains("cancel"));
}

TEST_F(Commands, FollowPrintsThePodsLogOnce) {
  server.put(kube::kPods, {{"metadata", {{"namespace", "ns"}, {"name", "pod-1"}}}});
  server.set_pod_log("ns", "pod-1", "model", "hello\x1b[2J\n");
  tty = true;
  on_watch([this] {
    end_run({{"phase", "Running"}, {"podName", "pod-1"}});
    end_run({{"phase", "Succeeded"}, {"podName", "pod-1"}, {"stdout", "hello\n"}, {"exitCode", 0}});
  });
  EXPECT_EQ(run({"run", "p"}), 0);
  EXPECT_TRUE(out.starts_with("hello\\x1b[2J\nRun:")) << out;
}

TEST_F(Commands, FollowOfAQuickRunPrintsWhatWasKept) {
  on_watch([this] { end_run({{"phase", "Succeeded"}, {"stdout", "quick\n"}, {"exitCode", 0}}); });
  EXPECT_EQ(run({"run", "p", "--follow"}), 0);
  EXPECT_TRUE(out.starts_with("quick\nRun:")) << out;
}

TEST_F(Commands, FollowKeepsStandardOutputForTheOutputs) {
  on_watch([this] { end_run({{"phase", "Succeeded"}, {"stdout", "quick\n"}, {"outputs", {{"a", 1}}}}); });
  EXPECT_EQ(run({"run", "p", "--follow", "-o", "outputs"}), 0);
  EXPECT_EQ(out, "{\n  \"a\": 1\n}\n");
  EXPECT_THAT(err, HasSubstr("quick\n"));
}

TEST_F(Commands, WaitHasTheSameExitCodes) {
  put_run("t", {{"phase", "TimedOut"}});
  put_run("c", {{"phase", "Cancelled"}});
  EXPECT_EQ(run({"wait", "t"}), 124);
  EXPECT_EQ(run({"wait", "modelrun.modelrun.dev/c"}), 130);
  EXPECT_EQ(run({"wait", "none"}), 1);
  EXPECT_THAT(err, HasSubstr("there is no such object"));
  put_run("p", {{"phase", "Running"}});
  EXPECT_EQ(run({"wait", "p", "--timeout", "1"}), 1);
  EXPECT_THAT(err, HasSubstr("has not ended within 1 s"));
  EXPECT_THAT(err, Not(HasSubstr("API server")));
}

TEST_F(Commands, GetListsAndFilters) {
  put_run("late", {{"phase", "Running"}, {"runNumber", 2}}, {{"project", "q"}});
  clock.advance(std::chrono::minutes{3});
  put_run("early", {{"phase", "Failed"}, {"runNumber", 1}}, {{"project", "p"}});
  EXPECT_EQ(run({"get"}), 0);
  EXPECT_LT(out.find("late"), out.find("early"));  // by age
  EXPECT_EQ(run({"list", "--project", "q"}), 0);
  EXPECT_THAT(out, Not(HasSubstr("early")));
  EXPECT_THAT(out, HasSubstr("late"));
  EXPECT_EQ(run({"get", "--phase", "failed", "-o", "name"}), 0) << err;
  EXPECT_EQ(out, "modelrun.modelrun.dev/early\n");
  EXPECT_EQ(run({"get", "late", "-o", "json"}), 0);
  EXPECT_EQ(json::parse(out).at("status").at("runNumber"), 2);
  EXPECT_EQ(run({"get", "-n", "empty"}), 0);
  EXPECT_EQ(out, "");
  EXPECT_EQ(err, "No runs found in namespace empty.\n");
}

TEST_F(Commands, LogsFromTheFullResultWhenThePodIsGone) {
  put_large("a");
  EXPECT_EQ(run({"logs", "a"}), 0) << err;
  EXPECT_EQ(out, "first\nlast\n");
  EXPECT_THAT(err, HasSubstr("oops\n"));
  EXPECT_THAT(err, HasSubstr("(stdout: 89 bytes were not kept here"));
  EXPECT_EQ(run({"logs", "a", "--stderr"}), 0);
  EXPECT_EQ(out, "oops\n");
}

TEST_F(Commands, LogsWithABadDigestFallBackToStatusAndFail) {
  put_large("a", std::string(64, '0'));
  EXPECT_EQ(run({"logs", "a"}), 1);
  EXPECT_EQ(out, "first\n[...]\nlast\n");
  EXPECT_THAT(err, HasSubstr("only its beginning and its end"));
  EXPECT_THAT(err, HasSubstr("SHA-256"));
}

TEST_F(Commands, LogsOfAPodThatIsThere) {
  server.put(kube::kPods, {{"metadata", {{"namespace", "ns"}, {"name", "pod-1"}}}});
  server.set_pod_log("ns", "pod-1", "model", "live\n");
  put_run("r", {{"phase", "Running"}, {"podName", "pod-1"}});
  put_run("e", {{"phase", "Succeeded"}, {"podName", "pod-1"}, {"stdout", "kept\n"}});
  put_run("w", {{"phase", "Pending"}, {"message", "waiting for a slot"}});
  EXPECT_EQ(run({"logs", "r"}), 0);
  EXPECT_EQ(out, "live\n");
  EXPECT_EQ(run({"logs", "e"}), 0);
  EXPECT_EQ(out, "live\n");
  EXPECT_EQ(run({"logs", "e", "--stdout"}), 0);
  EXPECT_EQ(out, "kept\n");
  EXPECT_EQ(run({"logs", "r", "--stdout"}), 1);
  EXPECT_EQ(run({"logs", "w"}), 1);
  EXPECT_THAT(err, HasSubstr("w: Pending: waiting for a slot. It has no log yet"));
}

TEST_F(Commands, LogsOfAPodThatIsJustStarting) {
  const json waiting{{"name", "model"}, {"state", {{"waiting", {{"reason", "ContainerCreating"}}}}}};
  server.put(kube::kPods,
             {{"metadata", {{"namespace", "ns"}, {"name", "pod-1"}}}, {"status", {{"containerStatuses", {waiting}}}}});
  put_run("r", {{"phase", "Running"}, {"podName", "pod-1"}, {"message", "the model is running"}});
  EXPECT_EQ(run({"logs", "r"}), 1);
  EXPECT_THAT(err, HasSubstr("It has no log yet; add -f"));
  EXPECT_THAT(err, Not(HasSubstr("ContainerCreating")));
}

TEST_F(Commands, Output) {
  put_run("a", {{"phase", "Succeeded"}, {"outputs", {{"total", 42}, {"title", "T\n"}}}});
  EXPECT_EQ(run({"output", "a"}), 0);
  EXPECT_EQ(json::parse(out).at("total"), 42);
  EXPECT_EQ(run({"output", "a", "title"}), 0);
  EXPECT_EQ(out, "\"T\\n\"\n");
  EXPECT_EQ(run({"output", "a", "title", "--text"}), 0);
  EXPECT_EQ(out, "T\n\n");
  EXPECT_EQ(run({"output", "a", "none"}), 1);
  EXPECT_THAT(err, HasSubstr("there are title, total"));
  put_run("w", {{"phase", "Running"}});
  EXPECT_EQ(run({"output", "w"}), 1);
  EXPECT_THAT(err, HasSubstr("kubectl modelrun wait w -o outputs -n ns"));
}

TEST_F(Commands, Compare) {
  put_run("a",
          {{"phase", "Succeeded"},
           {"commitSHA", "1111"},
           {"outputs", {{"irr", 0.1}, {"note", "x"}, {"npv", 100}, {"same", 1}, {"zero", 0}}}},
          {{"project", "p"}, {"scope", "project"}, {"parameters", {{"growth", 0.02}, {"years", 5}}}});
  put_run("b",
          {{"phase", "Succeeded"},
           {"commitSHA", "2222"},
           {"outputs", {{"irr", 0.3}, {"note", "y"}, {"npv", 101.5}, {"same", 1.0}, {"zero", 2}}}},
          {{"project", "p"}, {"scope", "project"}, {"parameters", {{"growth", 0.03}, {"years", 5}}}});
  EXPECT_EQ(run({"compare", "a", "b"}), 0) << err;
  EXPECT_EQ(out, R"(INPUT               a      b
commit              1111   2222
parameter /growth   0.02   0.03

OUTPUT   a     b       CHANGE   PERCENT
/irr     0.1   0.3     0.2      +200.00% *
/note    "x"   "y"     -        - *
/zero    0     2       2        - *
/npv     100   101.5   1.5      +1.50%

4 of 5 values differ, 3 of them significantly (*)
)");
  EXPECT_EQ(run({"compare", "a", "b", "--threshold", "1"}), 0) << err;
  EXPECT_THAT(out, HasSubstr("4 of them significantly"));
  EXPECT_EQ(run({"compare", "a", "b", "-o", "csv"}), 0) << err;
  EXPECT_EQ(out,
            "path,kind,base,other,change,percent,significant\r\n/irr,number,0.1,0.3,0.2,200,true\r\n"
            "/note,text,x,y,,,true\r\n/zero,number,0,2,2,,true\r\n/npv,number,100,101.5,1.5,1.5,false\r\n");
  EXPECT_EQ(run({"compare", "a", "b", "-o", "json"}), 0) << err;
  const auto told = json::parse(out);
  EXPECT_EQ(told.at("summary"), (json{{"equal", 1}, {"changed", 4}, {"significant", 3}, {"more", false}}));
  EXPECT_EQ(told.at("inputs").at(0), (json{{"name", "commit"}, {"base", "1111"}, {"other", "2222"}}));
  EXPECT_EQ(told.at("diff").at(0), (json{{"path", "/irr"},
                                         {"kind", "number"},
                                         {"base", 0.1},
                                         {"other", 0.3},
                                         {"change", 0.2},
                                         {"percent", 200.0},
                                         {"significant", true}}));
  EXPECT_EQ(run({"compare", "a", "a"}), 0) << err;
  EXPECT_EQ(out,
            "what went in: the same commit, data, image and parameters\n\nall 5 values of the outputs are equal\n");
}

TEST_F(Commands, CompareShowsSomeDifferencesOrAll) {
  json base = json::array(), other = json::array();
  for (int i = 0; i < 80; ++i) base.push_back(i + 1), other.push_back(i + 2);
  put_run("a", {{"phase", "Succeeded"}, {"outputs", {{"series", base}}}});
  put_run("b", {{"phase", "Succeeded"}, {"outputs", {{"series", other}}}});
  EXPECT_EQ(run({"compare", "a", "b"}), 0) << err;
  EXPECT_THAT(out, HasSubstr("80 of 80 values differ"));
  EXPECT_THAT(out, HasSubstr("30 of them are left out here; --all shows more"));
  EXPECT_EQ(run({"compare", "a", "b", "--all"}), 0) << err;
  EXPECT_THAT(out, HasSubstr("/series/79"));
  EXPECT_THAT(out, Not(HasSubstr("left out")));
}

TEST_F(Commands, CompareDoesNotTakeALongValueForNone) {
  const std::string text(2000, 'x');
  put_run("a", {{"phase", "Succeeded"}, {"outputs", {{"both", text}, {"gone", text}}}},
          {{"project", "p"}, {"scope", "project"}, {"parameters", {{"note", text}}}});
  put_run("b", {{"phase", "Succeeded"}, {"outputs", {{"both", "y"}}}}, {{"project", "p"}, {"scope", "project"}});
  EXPECT_EQ(run({"compare", "a", "b"}), 0) << err;
  EXPECT_EQ(out, R"(INPUT             a                   b
parameter /note   (more than 1 KiB)   -

OUTPUT   a                   b     CHANGE   PERCENT
/both    (more than 1 KiB)   "y"   -        - *
/gone    (more than 1 KiB)   -     -        - *

2 of 2 values differ, 2 of them significantly (*)
)");
}

TEST_F(Commands, CompareNeedsTwoRunsWithOutputs) {
  put_run("a", {{"phase", "Succeeded"}, {"outputs", {{"total", 1}}}});
  put_run("w", {{"phase", "Running"}});
  put_run("n", {{"phase", "Failed"}});
  EXPECT_EQ(run({"compare", "a"}), 2);
  EXPECT_EQ(run({"compare", "a", "absent"}), 1);
  EXPECT_THAT(err, HasSubstr("absent"));
  EXPECT_EQ(run({"compare", "a", "w"}), 1);
  EXPECT_THAT(err, HasSubstr("run w has not ended"));
  EXPECT_EQ(run({"compare", "n", "a"}), 1);
  EXPECT_THAT(err, HasSubstr("run n left no outputs"));
  EXPECT_EQ(run({"compare", "a", "a", "--threshold", "-1"}), 2);
}

TEST_F(Commands, OutputFromTheFullResult) {
  put_large("a");
  EXPECT_EQ(run({"output", "a", "big"}), 0) << err;
  EXPECT_EQ(out, "\"value\"\n");
  EXPECT_EQ(run({"output", "a", "chart.png"}), 0) << err;
  EXPECT_EQ(out, "png");
  EXPECT_EQ(run({"output", "a", "huge.bin"}), 1);
  EXPECT_THAT(err, HasSubstr("were not kept"));
  server.erase(kube::kConfigMaps, "ns", "part-2");
  EXPECT_EQ(run({"output", "a"}), 1);
  EXPECT_THAT(err, HasSubstr("part 2 of 2"));
}

TEST_F(Commands, Cancel) {
  put_run("a", {{"phase", "Running"}});
  put_run("b", {{"phase", "Succeeded"}});
  EXPECT_EQ(run({"cancel", "a"}), 0);
  EXPECT_TRUE(server.find(kube::kModelRuns, "ns", "a")->at("spec").at("cancel").get<bool>());
  EXPECT_EQ(run({"cancel", "b"}), 0);
  EXPECT_THAT(err, HasSubstr("over already"));
  EXPECT_EQ(run({"cancel", "none"}), 1);
  EXPECT_THAT(err, HasSubstr("lists the runs that are there"));
}

TEST_F(Commands, RerunPinsTheCommitAndChangesParameters) {
  put_run("a", {{"phase", "Succeeded"}, {"commitSHA", "c0ffee"}, {"branch", "dev"}},
          {{"project", "p"},
           {"scope", "model"},
           {"modelName", "m"},
           {"parameters", {{"a", 1}, {"b", 2}}},
           {"timeoutSeconds", 7}});
  EXPECT_EQ(run({"rerun", "a", "--no-wait", "--param", "b=3"}), 0) << err;
  EXPECT_EQ(created().at("spec"), json::parse(R"({"project":"p","scope":"model","modelName":"m",
    "commitSHA":"c0ffee","parameters":{"a":1,"b":3},"timeoutSeconds":7})"));
}

TEST_F(Commands, RerunOfTheLatestCommit) {
  put_run("a", {{"phase", "Succeeded"}, {"commitSHA", "c0ffee"}, {"branch", "dev"}});
  EXPECT_EQ(run({"rerun", "a", "--no-wait", "--latest-commit", "--timeout", "2m"}), 0) << err;
  EXPECT_EQ(created().at("spec"),
            json::parse(R"({"project":"p","scope":"project","branch":"dev","timeoutSeconds":120})"));
}

TEST_F(Commands, UnknownCommandsAndWhatWasMeant) {
  EXPECT_EQ(run({"rnu", "p"}), 2);
  EXPECT_THAT(err, HasSubstr("unknown command \"rnu\"; did you mean \"run\"?"));
  EXPECT_EQ(run({"-n", "ns", "lst"}), 2);
  EXPECT_THAT(err, HasSubstr("unknown command \"lst\"; did you mean \"list\"?"));
  EXPECT_EQ(run({"frobnicate"}), 2);
  EXPECT_THAT(err, HasSubstr("unknown command \"frobnicate\"\n"));
  EXPECT_EQ(run({"run", "p", "--banch", "x"}), 2);
  EXPECT_THAT(err, Not(HasSubstr("unknown command")));
}

TEST_F(Commands, ChangesTakeSeveralNames) {
  for (const char* name : {"a", "b"}) put_run(name, {{"phase", "Running"}});
  const auto spec = [&](const char* name) { return server.find(kube::kModelRuns, "ns", name)->at("spec"); };
  EXPECT_EQ(run({"suspend", "a", "mr/b"}), 0) << err;
  EXPECT_TRUE(spec("a").at("suspend") && spec("b").at("suspend"));
  EXPECT_EQ(run({"resume", "a"}), 0) << err;
  EXPECT_FALSE(spec("a").at("suspend"));
  EXPECT_EQ(run({"cancel", "none", "a"}), 1) << "one is not there";
  EXPECT_TRUE(spec("a").at("cancel")) << "the other is cancelled all the same";
  EXPECT_EQ(run({"delete", "a", "b"}), 0) << err;
  EXPECT_EQ(out, "modelrun.modelrun.dev/a deleted\nmodelrun.modelrun.dev/b deleted\n");
  EXPECT_TRUE(server.all(kube::kModelRuns).empty());
}

TEST_F(Commands, RunWithNameAndLabelsAndWithoutStarting) {
  EXPECT_EQ(run({"run", "p", "--name", "mine", "-l", "team=risk", "--timeout", "1h30m", "--dry-run"}), 0) << err;
  const auto object = json::parse(out);
  EXPECT_EQ(object.at("metadata").at("name"), "mine");
  EXPECT_EQ(object.at("metadata").at("labels").at("team"), "risk");
  EXPECT_EQ(object.at("spec").at("timeoutSeconds"), 5400);
  EXPECT_TRUE(server.all(kube::kModelRuns).empty());
  EXPECT_EQ(run({"run", "p", "-l", "team", "--dry-run"}), 1);
  for (const char* time : {"0", "-1", "5x", "m", "1m1h", "1h30", "", "9999999999999999999"}) {
    EXPECT_EQ(run({"run", "p", "--dry-run", "--timeout", time}), 2) << time;
  }
}

TEST_F(Commands, GetByPhasesLabelsAndAge) {
  for (const char* phase : {"Failed", "Succeeded", "TimedOut", "Running"}) {
    put_run(std::string("r-") + phase, {{"phase", phase}, {"nodeName", "n1"}},
            {{"project", "p"}, {"scope", "project"}, {"parameters", {{"a", 1}}}});
    clock.advance(std::chrono::minutes{1});
  }
  EXPECT_EQ(run({"get", "--phase", "Failed,timedout", "-o", "name"}), 0) << err;
  EXPECT_EQ(out, "modelrun.modelrun.dev/r-Failed\nmodelrun.modelrun.dev/r-TimedOut\n");
  EXPECT_EQ(run({"get", "--limit", "1", "-o", "name"}), 0);
  EXPECT_EQ(out, "modelrun.modelrun.dev/r-Running\n") << "the newest";
  EXPECT_EQ(run({"get", "-l", "team=risk"}), 0);
  EXPECT_EQ(out, "");
  auto labelled = server.find(kube::kModelRuns, "ns", "r-Failed").value();
  labelled["metadata"]["labels"]["team"] = "risk";
  server.put(kube::kModelRuns, labelled);
  EXPECT_EQ(run({"get", "-l", "team=risk", "-o", "name"}), 0) << err;
  EXPECT_EQ(out, "modelrun.modelrun.dev/r-Failed\n");
  EXPECT_EQ(run({"get", "-o", "wide"}), 0);
  EXPECT_THAT(out, HasSubstr(R"({"a":1})"));
}

TEST_F(Commands, OutputOfEverything) {
  put_large("a");
  const auto folder = std::filesystem::path(testing::TempDir()) / fmt::format("output-{}", ::getpid());
  EXPECT_EQ(run({"output", "a", "--all", folder.string()}), 1) << "huge.bin was not kept";
  EXPECT_THAT(err, HasSubstr("huge.bin"));
  const auto read = [&](const char* name) {
    std::ifstream file(folder / name);
    return std::string(std::istreambuf_iterator<char>(file), {});
  };
  EXPECT_EQ(json::parse(read("outputs.json")), (json{{"big", "value"}}));
  EXPECT_EQ(read("chart.png"), "png");
  auto object = server.find(kube::kModelRuns, "ns", "a").value();
  for (const char* name : {"../x", "/etc/x", "a/../../x", "outputs.json"}) {
    object["status"]["artifacts"][0]["name"] = name;
    server.put(kube::kModelRuns, object);
    EXPECT_EQ(run({"output", "a", "--all", (folder / "b").string()}), 1) << name;
    EXPECT_THAT(err, HasSubstr("is not written")) << name;
  }
  EXPECT_FALSE(std::filesystem::exists(folder / "x"));
  std::filesystem::remove_all(folder);
}

TEST_F(Commands, TheLastLinesOfALog) {
  put_run("a",
          {{"phase", "Succeeded"}, {"startedAt", "2026-01-01T00:00:00Z"}, {"stdout", "1\n2\n3\n"}, {"stderr", "x\ny"}});
  EXPECT_EQ(run({"logs", "a", "--tail", "2"}), 0) << err;
  EXPECT_EQ(out, "2\n3\n");
  EXPECT_EQ(err, "x\ny");
  EXPECT_EQ(run({"logs", "a", "--tail", "0"}), 0);
  EXPECT_EQ(out + err, "");
  EXPECT_EQ(run({"logs", "a", "--tail", "9", "--stdout"}), 0);
  EXPECT_EQ(out, "1\n2\n3\n");
}

TEST_F(Commands, DeniedSaysWhichRole) {
  server.set_hook([](const kube::Request&, int) { return fakes::Fault::k403; });
  EXPECT_EQ(run({"get"}), 1);
  EXPECT_THAT(err, HasSubstr("modelrun-viewer"));
}

TEST_F(Commands, TokensAreShownOnceAndRevoked) {
  ASSERT_EQ(run({"token", "create", "ci", "--days", "30", "--group", "builders", "-n", "team"}), 0) << err;
  const auto token = out.substr(0, out.find('\n'));
  EXPECT_EQ(token.size(), 47U);
  EXPECT_TRUE(token.starts_with("mrt_"));
  const auto secret = server.all(kube::kSecrets).front();
  EXPECT_THAT(secret.dump(), Not(HasSubstr(token)));
  EXPECT_EQ(secret["metadata"]["namespace"], "modelrun-tokens");
  EXPECT_EQ(base64_decode(secret["data"]["sha256"].get<std::string>()).value(), sha256_hex(token));
  EXPECT_EQ(base64_decode(secret["data"]["namespace"].get<std::string>()).value(), "team");
  EXPECT_EQ(base64_decode(secret["data"]["expires"].get<std::string>()).value(), "2026-01-31T00:00:00.000000Z");
  ASSERT_EQ(run({"token", "list"}), 0) << err;
  EXPECT_THAT(out, HasSubstr("ci        team"));
  EXPECT_EQ(run({"token", "revoke", "something"}), 1);
  ASSERT_EQ(run({"token", "revoke", token}), 0) << err;
  EXPECT_TRUE(server.all(kube::kSecrets).empty());
  // Two are never the same.
  run({"token", "create", "ci"});
  const auto one = out;
  run({"token", "create", "ci"});
  EXPECT_NE(out, one);
}

}  // namespace
}  // namespace modelrun::cli
