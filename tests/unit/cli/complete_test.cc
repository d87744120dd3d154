// Completion: what may come at the end of a command line.
#include "cli/completion_scripts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fixture.h"

namespace modelrun::cli {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::Not;

struct Complete : testing::Test, Program {
  Complete() {
    put_run("forecasts-1", {{"phase", "Running"}},
            {{"project", "forecasts"}, {"scope", "model"}, {"modelName", "revenue"}});
    put_run("forecasts-2", {{"phase", "Running"}},
            {{"project", "forecasts"}, {"scope", "model"}, {"modelName", "cost"}});
    put_run("risk-1", {{"phase", "Running"}}, {{"project", "risk"}, {"scope", "model"}, {"modelName", "var"}});
    server.put(kube::kModelProjects,
               {{"metadata", {{"namespace", "ns"}, {"name", "forecasts"}}}, {"spec", json::object()}});
    server.put(kube::kModelProjects,
               {{"metadata", {{"namespace", "other"}, {"name", "elsewhere"}}}, {"spec", json::object()}});
    server.put(kube::kNamespaces, {{"metadata", {{"name", "team-a"}}}});
  }
  // The candidates, each without its description and with a comma behind it, and the directive.
  std::string ask(std::vector<std::string> words) {
    words.insert(words.begin(), "__complete");
    EXPECT_EQ(run(words), 0);
    EXPECT_EQ(err, "");
    std::string list;
    for (std::size_t at = 0; at < out.size();) {
      const auto end = out.find('\n', at);
      const auto line = out.substr(at, end - at);
      list += line.substr(0, line.find('\t')) + (line.starts_with(':') ? "" : ",");
      at = end + 1;
    }
    return list;
  }
};

TEST_F(Complete, Table) {
  struct Row {
    std::vector<std::string> words;
    const char* candidates;
  };
  for (const auto& [words, candidates] : std::vector<Row>{
           {{"de"}, "describe,delete,:4"},
           {{"-n", "x", "de"}, "describe,delete,:4"},
           {{"get", ""}, "forecasts-1,forecasts-2,risk-1,:4"},
           {{"get", "forecasts-"}, "forecasts-1,forecasts-2,:4"},
           {{"get", "risk-1", ""}, ":4"},
           {{"delete", "risk-1", "f"}, "forecasts-1,forecasts-2,:4"},
           {{"logs", "-f", "r"}, "risk-1,:4"},
           {{"logs", "--tail", "5", "r"}, "risk-1,:4"},
           {{"wait", "-n", "other", ""}, ":4"},
           {{"run", ""}, "forecasts,:4"},
           {{"run", "-n", "other", ""}, "elsewhere,:4"},
           {{"run", "--namespace=other", ""}, "elsewhere,:4"},
           {{"run", "--namespace", "=", "other", ""}, "elsewhere,:4"},
           {{"run", "forecasts", "--model", ""}, "cost,revenue,:4"},
           {{"run", "forecasts", "-m", "r"}, "revenue,:4"},
           {{"run", "forecasts", "--model=c"}, "--model=cost,:4"},
           {{"run", "--model", ""}, "cost,revenue,var,:4"},
           {{"get", "--project", ""}, "forecasts,:4"},
           {{"get", "--phase", "T"}, "TimedOut,:4"},
           {{"get", "-o", ""}, "table,wide,yaml,json,name,:4"},
           {{"run", "-o", "o"}, "outputs,:4"},
           {{"get", "-n", ""}, "team-a,:4"},
           {{"run", "-f", ""}, ":0"},
           {{"try", ""}, ":0"},
           {{"completion", ""}, "bash,zsh,fish,kubectl,:4"},
           {{"token", "r"}, "revoke,:4"},
           {{"logs", "--since", ""}, ":4"},
           {{"logs", "--ti"}, "--timestamps,:4"},
           {{"logs", "--conte"}, "--context,:4"},
           {{"nonsense", ""}, ":4"},
       }) {
    EXPECT_EQ(ask(words), candidates) << fmt::format("{}", fmt::join(words, " "));
  }
  EXPECT_THAT(ask({}), HasSubstr("describe,"));
  EXPECT_THAT(ask({""}), HasSubstr("completion,"));
}

TEST_F(Complete, CommandsComeWithWhatTheyAreFor) {
  ASSERT_EQ(run({"__complete", "descr"}), 0);
  EXPECT_EQ(out, "describe\tShow all there is to know of a run or a sweep on one page\n:4\n");
}

TEST_F(Complete, AServerThatDoesNotAnswerGivesNoNamesAndNoError) {
  server.set_hook([](const kube::Request&, int) { return fakes::Fault::kDropBefore; });
  EXPECT_EQ(ask({"get", ""}), ":4");
  server.set_hook([](const kube::Request&, int) { return fakes::Fault::k403; });
  EXPECT_EQ(ask({"run", ""}), ":4");
}

TEST_F(Complete, AsksForFewAndShortObjects) {
  ask({"get", ""});
  const auto asked = server.requests().back();
  EXPECT_THAT(asked.path, HasSubstr("limit=500"));
  EXPECT_THAT(asked.accept, HasSubstr("PartialObjectMetadata"));
  const auto asked_before = server.requests().size();
  ask({"get", "--phase", ""});
  EXPECT_EQ(server.requests().size(), asked_before) << "what the program knows by itself needs no server";
}

TEST_F(Complete, Scripts) {
  for (const char* shell : {"bash", "zsh", "fish", "kubectl"}) {
    EXPECT_EQ(run({"completion", shell}), 0) << err;
    EXPECT_EQ(out, completion_script(shell));
    EXPECT_THAT(out, HasSubstr("kubectl-modelrun __complete")) << shell;
  }
  EXPECT_EQ(run({"completion", "powershell"}), 2);
  EXPECT_EQ(run({"completion"}), 2);
}

}  // namespace
}  // namespace modelrun::cli
