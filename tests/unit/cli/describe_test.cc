// `describe`: one page with all there is to know of a run.
#include "cli/describe.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "api/reason.h"
#include "cli/what_to_do.h"
#include "fixture.h"

namespace modelrun::cli {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::Not;

struct Describe : testing::Test, Program {
  json put(json status, json spec = {{"project", "p"}, {"scope", "project"}}) {
    return put_run("r", std::move(status), std::move(spec));
  }
  void put_event(const std::string& name, json regarding, const std::string& reason, const std::string& note,
                 const std::string& time) {
    server.put(kube::kEvents, {{"metadata", {{"namespace", "ns"}, {"name", name}}},
                               {"regarding", std::move(regarding)},
                               {"type", "Warning"},
                               {"reason", reason},
                               {"note", note},
                               {"eventTime", time}});
  }
};

TEST_F(Describe, HasTheWholeStoryOfAFailedRun) {
  put({{"phase", "Failed"},
       {"runNumber", 7},
       {"exitCode", 3},
       {"attempts", 2},
       {"branch", "main"},
       {"commitSHA", std::string(40, 'a')},
       {"message", "the model exited with code 3"},
       {"warning", "the commit has submodules"},
       {"error", {{"reason", "NonZeroExit"}, {"message", "the model exited with code 3"}}},
       {"startedAt", "2026-01-01T00:00:02Z"},
       {"finishedAt", "2026-01-01T00:00:03.5Z"},
       {"jobName", "r-1"},
       {"podName", "r-1-x"},
       {"nodeName", "node-1"},
       {"outputs", {{"total", 1}}},
       {"artifacts",
        {{{"name", "chart.png"}, {"size", 3}, {"mediaType", "image/png"}, {"stored", true}},
         {{"name", "huge.bin"}, {"size", 9}, {"stored", false}}}},
       {"timeline",
        {{"accepted", "2026-01-01T00:00:00Z"},
         {"resolved", "2026-01-01T00:00:00.25Z"},
         {"started", "2026-01-01T00:00:02Z"}}},
       {"conditions",
        {{{"type", "Succeeded"},
          {"status", "False"},
          {"reason", "NonZeroExit"},
          {"lastTransitionTime", "2026-01-01T00:00:03Z"}}}}},
      {{"project", "p"},
       {"scope", "model"},
       {"modelName", "revenue"},
       {"timeoutSeconds", 60},
       {"parameters", {{"growth", 0.08}}}});
  ASSERT_EQ(run({"describe", "r"}), 0) << err;
  for (const char* text : {"Name:         r\n",
                           "Namespace:    ns\n",
                           "Project:      p\n",
                           "Runs:         model/revenue.py\n",
                           "Branch:       main\n",
                           "Time-out:     60 s\n",
                           "Parameters:\n  {\n    \"growth\": 0.08\n  }\n",
                           "Phase:        Failed\n",
                           "Reason:       NonZeroExit\n",
                           "Message:      the model exited with code 3\n",
                           "What to do:   The model's own failure: kubectl modelrun logs r -n ns\n",
                           "Warning:      the commit has submodules\n",
                           "Number:       7 of p\n",
                           "Exit code:    3\n",
                           "Attempts:     2\n",
                           "Duration:     1.50s\n",
                           "resolved   2026-01-01T00:00:00.250000Z   +0.250s\n",
                           "+1.750s",
                           "  Succeeded   False",
                           "Job:          r-1\n",
                           "Pod:          r-1-x\n",
                           "Node:         node-1\n",
                           "Outputs:      total; kubectl modelrun output r -n ns\n",
                           "  chart.png   3 bytes   image/png\n",
                           "  huge.bin    9 bytes   not kept\n",
                           "Logs:         kubectl modelrun logs r -n ns\n",
                           "Events:       none"}) {
    EXPECT_THAT(out, HasSubstr(text));
  }
}

TEST_F(Describe, ShowsTheEventsOfTheRunItsJobAndItsPodAndNoOthers) {
  const auto uid = put({{"phase", "Pending"},
                        {"jobName", "r-1"},
                        {"podName", "r-1-x"},
                        {"podUID", "pod-uid"},
                        {"message", "waiting for a node"}})["metadata"]["uid"];
  put_event("a", {{"kind", "Pod"}, {"uid", "pod-uid"}}, "FailedScheduling", "0/1 nodes", "2026-01-01T00:00:03Z");
  put_event("b", {{"kind", "ModelRun"}, {"uid", uid}}, "Resolved", "main is at 1111", "2026-01-01T00:00:01Z");
  put_event("c", {{"kind", "Job"}, {"name", "r-1"}, {"uid", "j"}}, "FailedCreate", "quota", "2026-01-01T00:00:02Z");
  put_event("d", {{"kind", "Pod"}, {"uid", "another"}}, "Other", "of another pod", "2026-01-01T00:00:02Z");
  put_event("e", {{"kind", "Job"}, {"name", "s-1"}}, "Other", "of another Job", "2026-01-01T00:00:02Z");
  ASSERT_EQ(run({"describe", "modelrun/r"}), 0) << err;
  EXPECT_THAT(out, Not(HasSubstr("Other")));
  const auto first = out.find("main is at"), second = out.find("quota"), third = out.find("0/1 nodes");
  EXPECT_NE(first, std::string::npos) << out;
  EXPECT_LT(first, second);
  EXPECT_LT(second, third) << "the newest comes last, whatever object it is about";
}

TEST_F(Describe, WithoutTheRightToEventsItSaysSoAndShowsTheRest) {
  put({{"phase", "Pending"}, {"message", "waiting for a slot"}});
  server.set_hook([](const kube::Request& request, int) {
    return request.path.find("/events") == std::string::npos ? fakes::Fault::kNone : fakes::Fault::k403;
  });
  ASSERT_EQ(run({"describe", "r"}), 0) << err;
  EXPECT_THAT(out, HasSubstr("waiting for a slot"));
  EXPECT_THAT(out, HasSubstr("Events:       cannot be shown: "));
}

TEST_F(Describe, BoundsWhatARunCanMakeItPrint) {
  json outputs = json::object();
  for (int i = 0; i < 1000; ++i) outputs[fmt::format("output-{:04}", i)] = i;
  put({{"phase", "Succeeded"}, {"outputs", outputs}, {"message", "\x1b[2Jforged"}},
      {{"project", "p"}, {"scope", "project"}, {"parameters", {{"text", std::string(60'000, 'x')}}}});
  tty = true;
  ASSERT_EQ(run({"describe", "r"}), 0) << err;
  EXPECT_LT(out.size(), 4096U);
  EXPECT_THAT(out, HasSubstr("and 950 more"));
  EXPECT_THAT(out, HasSubstr("kubectl modelrun get -o json r -n ns"));
  EXPECT_THAT(out, Not(HasSubstr("\x1b"))) << "a terminal must not be told what to do by a model";
}

TEST_F(Describe, SeveralAndAbsentOnes) {
  put_run("a", {{"phase", "Pending"}});
  put_run("b", {{"phase", "Pending"}});
  ASSERT_EQ(run({"describe", "a", "b"}), 0) << err;
  EXPECT_THAT(out, HasSubstr("Name:         a\n"));
  EXPECT_THAT(out, HasSubstr("\n\nName:         b\n"));
  EXPECT_EQ(run({"describe", "absent"}), 1);
}

TEST(WhatToDo, IsSaidOfEachReasonOfAnEndButSuccess) {
  // The words of api/reason.h that end a run. One that is added there without advice fails here.
  for (const auto reason :
       {"InvalidSpec",    "InvalidParameters",  "ProjectNotFound",    "SourceUnreachable", "SourceDenied",
        "RefNotFound",    "SourceTooLarge",     "EntryPointNotFound", "ImagePullFailed",   "Unschedulable",
        "PendingTimeout", "SandboxSetupFailed", "NonZeroExit",        "Signaled",          "OOMKilled",
        "Timeout",        "OutputsInvalid",     "OutputsTooLarge",    "Evicted",           "NodeLost",
        "PodDeleted",     "JobDeleted",         "AgentLost",          "Cancelled",         "Internal",
        "ArtifactsLost",  "Preempted"}) {
    ASSERT_TRUE(api::reason::is_known_end(reason)) << reason;
    api::ModelRun run;
    run.meta.name = "r";
    run.meta.namespace_ = "ns";
    run.spec.project = "p";
    run.status.error = api::RunError{reason, "m"};
    const auto text = what_to_do(run);
    EXPECT_FALSE(text.empty()) << reason;
    EXPECT_EQ(text.find_first_of("{}"), std::string::npos) << text;
  }
  api::ModelRun unknown;
  unknown.status.error = api::RunError{"WordOfATenant", "m"};
  EXPECT_EQ(what_to_do(unknown), "");
}

}  // namespace
}  // namespace modelrun::cli
