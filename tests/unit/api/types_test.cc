// Kubernetes objects to structs and back.
#include <gtest/gtest.h>

#include "api/json_access.h"
#include "api/model_project.h"
#include "api/model_run.h"
#include "api/pod_metadata.h"
#include "api/workload.h"

namespace modelrun::api {
namespace {

using nlohmann::json;

Time second(int n) {
  return std::chrono::sys_days{std::chrono::year{2026} / 1 / 1} + std::chrono::seconds(n);
}

// Every field set, each to a value of its own.
ModelRunStatus full_status() {
  ModelRunStatus status;
  status.observed_generation = 2;
  status.phase = Phase::kFailed;
  status.run_id = "uid";
  status.run_number = 7;
  status.branch = "main";
  status.commit_sha = std::string(40, 'a');
  status.exit_code = 3;
  status.started_at = second(1) + std::chrono::microseconds(123456);
  status.finished_at = second(3);
  status.out = "out";
  status.err = "err";
  status.out_truncated = status.err_truncated = status.truncated = true;
  status.outputs = json{{"x", nullptr}, {"y", {1, 2.5, "z"}}};
  status.result_ref = ResultRef{{"a-1", "a-2"}, "digest", 123};
  status.artifacts = {{"plot.png", 9, "sha", "image/png", true}};
  status.data_snapshot_ref = "snap";
  status.error = RunError{"NonZeroExit", "code 3"};
  status.message = "m";
  status.warning = "w";
  status.job_name = "job";
  status.pod_name = "pod";
  status.pod_uid = "pod-uid";
  status.node_name = "node";
  status.attempts = 2;
  status.free_attempts = 1;
  status.preemptions = 1;
  status.job_suspended = true;
  status.project_uid = "project-uid";
  status.project_generation = 4;
  status.project_spec = json{{"runtime", {{"image", "i"}}}};
  status.identity = "sha256:1";
  status.reused_from = RunRef{"other", "other-uid", 6};
  status.timeline = {second(0), second(1), second(2), second(3), second(4), second(5),
                     second(6), second(7), second(8), second(9), second(10)};
  status.provenance = {"image", "image-id", "parameters", "source", "outputs", "rings", "Cold", "NoneReady"};
  set_condition(status.conditions, {"Succeeded", ConditionStatus::kFalse, "NonZeroExit", "m", second(3), 2});
  return status;
}

ModelRunStatus round_trip(const ModelRunStatus& status) {
  return decode_model_run({{"status", encode_status(status)}}).status;
}

TEST(EndEvent, OfEachStateIsReadAsItWasWritten) {
  ModelRunStatus status;
  status.phase = Phase::kSucceeded;
  for (const auto& event :
       {EndEvent{}, EndEvent{EndEventState::kDelivered, *parse_rfc3339("2026-04-28T10:00:02.5Z"), {}},
        EndEvent{EndEventState::kGivenUp, std::nullopt, "why"}}) {
    status.end_event = event;
    EXPECT_EQ(round_trip(status), status);
    EXPECT_EQ(status.owes_end_event(), event.state == EndEventState::kPending);
  }
  EXPECT_EQ(encode_status(status)["endEvent"], (json{{"state", "GivenUp"}, {"message", "why"}}));
  // A word of a later version, and what is no event.
  for (const auto& strange : {json{{"state", "Later"}}, json{{"state", 1}}, json::object(), json("Pending")}) {
    EXPECT_FALSE(decode_model_run({{"status", {{"endEvent", strange}}}}).status.end_event) << strange;
  }
  EXPECT_FALSE(ModelRunStatus{}.owes_end_event());
}

TEST(ModelRunStatus, ComesBackAsItWent) {
  EXPECT_EQ(round_trip(full_status()), full_status());
  for (const auto phase : {Phase::kPending, Phase::kRunning, Phase::kSucceeded, Phase::kTimedOut, Phase::kCancelled}) {
    ModelRunStatus status;
    status.phase = phase;
    EXPECT_EQ(round_trip(status), status) << to_string(phase);
  }
}

TEST(ModelRunStatus, EmptyOutputsAreNotNone) {
  ModelRunStatus status;
  status.outputs = json::object();
  EXPECT_EQ(round_trip(status).outputs, json::object());
  EXPECT_FALSE(round_trip({}).outputs);
}

TEST(ModelRunStatus, TheEndHasEveryField) {
  ModelRunStatus status;
  status.phase = Phase::kCancelled;
  const auto object = encode_status(status);
  EXPECT_TRUE(object.contains("exitCode"));
  EXPECT_TRUE(object.at("exitCode").is_null());
  EXPECT_EQ(object.at("stdout"), "");
  EXPECT_EQ(object.at("truncated"), false);
  EXPECT_FALSE(object.contains("durationSeconds")) << "it never started";
  status.phase = Phase::kRunning;
  EXPECT_FALSE(encode_status(status).contains("exitCode"));
}

TEST(ModelRunStatus, Derived) {
  const auto object = encode_status(full_status());
  EXPECT_EQ(object.at("commitShort"), std::string(12, 'a'));
  EXPECT_NEAR(object.at("durationSeconds").get<double>(), 1.876544, 1e-9);
  EXPECT_EQ(object.at("duration"), "1.88s");
}

TEST(ModelRun, Spec) {
  const auto run = decode_model_run({{"metadata", {{"labels", {{"modelrun.dev/created-by", "cli"}}}}},
                                     {"spec",
                                      {{"project", "p"},
                                       {"scope", "model"},
                                       {"modelName", "revenue"},
                                       {"branch", "b"},
                                       {"commitSHA", "c"},
                                       {"parameters", json::object()},
                                       {"timeoutSeconds", 9},
                                       {"reuse", "Join"},
                                       {"cancel", true},
                                       {"suspend", true}}}});
  EXPECT_EQ(run.created_by, "cli");
  EXPECT_EQ(run.spec.entry_point(), "model/revenue.py");
  EXPECT_EQ(run.spec.parameters, json::object()) << "not absent";
  EXPECT_EQ(run.spec.timeout_seconds, 9);
  EXPECT_EQ(run.spec.reuse, Reuse::kJoin);
  EXPECT_EQ(decode_model_run({{"spec", {{"reuse", "Reuse"}}}}).spec.reuse, Reuse::kReuse);
  EXPECT_TRUE(run.spec.cancel && run.spec.suspend);
  const auto bare = decode_model_run({{"spec", {{"project", "p"}, {"scope", "project"}, {"modelName", "ignored"}}}});
  EXPECT_EQ(bare.spec.entry_point(), "run.py");
  EXPECT_FALSE(bare.spec.parameters);
  EXPECT_EQ(bare.spec.reuse, Reuse::kNever);
  EXPECT_EQ(bare.status.phase, Phase::kNone);
  EXPECT_EQ(bare.status.observed_generation, -1);
}

TEST(ModelRun, OddShapesAreDefaults) {
  const auto run = decode_model_run(
      {{"spec", "text"},
       {"status",
        {{"phase", "Exploded"}, {"runNumber", "7"}, {"conditions", 3}, {"artifacts", "x"}, {"startedAt", "noon"}}}});
  EXPECT_EQ(run.status.phase, Phase::kNone);
  EXPECT_EQ(run.status.run_number, 0);
  EXPECT_TRUE(run.status.conditions.empty() && run.status.artifacts.empty());
  EXPECT_FALSE(run.status.started_at);
}

TEST(StatusUpdate, NamesTheVersionItWasDecidedOn) {
  ObjectMeta meta;
  meta.namespace_ = "n";
  meta.name = "r";
  meta.uid = "u";
  meta.resource_version = 12;
  const auto body = status_update("ModelRun", meta, {{"a", 1}});
  EXPECT_EQ(body.at("metadata").at("resourceVersion"), "12");
  EXPECT_EQ(body.at("metadata").at("uid"), "u");
  EXPECT_EQ(body.at("status"), (json{{"a", 1}}));
}

TEST(Phase, FinalOnes) {
  EXPECT_FALSE(is_final(Phase::kNone) || is_final(Phase::kPending) || is_final(Phase::kRunning));
  EXPECT_TRUE(is_final(Phase::kSucceeded) && is_final(Phase::kFailed) && is_final(Phase::kTimedOut) &&
              is_final(Phase::kCancelled));
}

TEST(Condition, TransitionTime) {
  Conditions conditions;
  set_condition(conditions, {"Ready", ConditionStatus::kFalse, "A", "", second(1), 1});
  set_condition(conditions, {"Ready", ConditionStatus::kFalse, "B", "", second(2), 1});
  EXPECT_EQ(conditions.at(0).last_transition, second(1));
  EXPECT_EQ(conditions.at(0).reason, "B");
  set_condition(conditions, {"Ready", ConditionStatus::kTrue, "C", "", second(3), 1});
  EXPECT_EQ(conditions.at(0).last_transition, second(3));
  EXPECT_EQ(conditions.size(), 1U);
  EXPECT_EQ(find_condition(conditions, "Other"), nullptr);
}

TEST(ModelProject, Spec) {
  const auto project = decode_model_project(
      {{"spec",
        {{"source", {{"git", {{"url", "u"}, {"defaultBranch", "d"}, {"secretRef", {{"name", "s"}}}}}}},
         {"runtime", {{"image", "i"}, {"command", {"a", "b"}}, {"hostUsers", false}, {"nodeSelector", {{"k", "v"}}}}},
         {"data", {{"configMap", {{"name", "c"}}}, {"snapshotRef", "r"}}},
         {"limits",
          {{"timeoutSeconds", 5},
           {"maxConcurrentRuns", 2},
           {"attempts", 1},
           {"pendingSeconds", 6},
           {"queueSeconds", 7},
           {"artifactBytes", 8},
           {"onArtifactLoss", "Fail"}}},
         {"history",
          {{"podSeconds", 1},
           {"successful", 2},
           {"failed", 3},
           {"ttlSecondsAfterFinished", 4},
           {"includeApplied", true}}},
         {"suspend", true}}}});
  EXPECT_EQ(project.git.url, "u");
  EXPECT_EQ(project.git.default_branch, "d");
  EXPECT_EQ(project.git.secret_name, "s");
  EXPECT_EQ(project.runtime.command.size(), 2U);
  EXPECT_EQ(project.runtime.host_users, false);
  EXPECT_EQ(project.data.config_map, "c");
  EXPECT_EQ(project.data.snapshot_ref, "r");
  EXPECT_EQ(project.limits.max_concurrent_runs, 2);
  EXPECT_EQ(project.limits.queue_seconds, 7);
  EXPECT_EQ(project.limits.artifact_bytes, 8);
  EXPECT_TRUE(project.limits.fail_on_artifact_loss);
  EXPECT_EQ(project.history.ttl_seconds, 4);
  EXPECT_TRUE(project.history.include_applied && project.suspend);
}

TEST(ModelProject, Defaults) {
  const auto project = decode_model_project({{"spec", {{"source", {{"git", {{"url", "u"}}}}}}}});
  EXPECT_EQ(project.limits.pending_seconds, 600);
  EXPECT_EQ(project.limits.attempts, 3);
  EXPECT_EQ(project.limits.artifact_bytes, 4 << 20);
  EXPECT_FALSE(project.limits.fail_on_artifact_loss);
  EXPECT_EQ(project.history.pod_seconds, 300);
  EXPECT_FALSE(project.limits.queue_seconds || project.limits.timeout_seconds || project.limits.max_concurrent_runs);
  EXPECT_FALSE(project.runtime.host_users);
}

TEST(ModelProjectStatus, ComesBackAsItWent) {
  ModelProjectStatus status;
  status.observed_generation = 3;
  status.last_run_number = 9;
  status.active = {{"u1", "a", 8, 1}, {"u2", "b", 9, 3}};
  status.queued_runs = 4;
  status.default_branch = "main";
  status.last_commit = "c";
  set_condition(status.conditions, {"Ready", ConditionStatus::kTrue, "SourceReachable", "m", second(1), 3});
  const auto object = encode_status(status);
  EXPECT_EQ(decode_model_project({{"status", object}}).status, status);
  EXPECT_EQ(object.at("activeRuns"), 2);
}

TEST(Workload, Pod) {
  const auto pod = decode_pod(json::parse(R"({
    "metadata": {"name": "p", "namespace": "n", "uid": "u", "labels": {"modelrun.dev/run-uid": "r"},
                 "annotations": {"modelrun.dev/run": "forecast"}, "deletionTimestamp": "2026-01-01T00:00:30Z",
                 "ownerReferences": [{"uid": "x", "kind": "Other", "name": "o"},
                                     {"uid": "j", "kind": "Job", "name": "job", "controller": true}]},
    "spec": {"nodeName": "node-1", "volumes": [{"name": "repo", "emptyDir": {}}, {"name": "modelrun", "image": {"reference": "a"}}]},
    "status": {"phase": "Failed", "reason": "Evicted", "message": "disk",
      "conditions": [{"type": "PodScheduled", "status": "True", "lastTransitionTime": "2026-01-01T00:00:01Z"},
                     {"type": "DisruptionTarget", "status": "True", "reason": "TerminationByKubelet"},
                     {"type": "PodReadyToStartContainers", "status": "True"},
                     {"type": "Ready", "status": "False", "reason": "X"}],
      "containerStatuses": [
        {"name": "agent", "imageID": "i1", "state": {"running": {"startedAt": "2026-01-01T00:00:02Z"}}},
        {"name": "model", "imageID": "i2", "state": {"terminated": {"exitCode": 137, "signal": 9, "reason": "OOMKilled",
          "message": "t", "startedAt": "2026-01-01T00:00:03Z", "finishedAt": "2026-01-01T00:00:04Z"}}},
        {"name": "injected", "state": {"waiting": {"reason": "No"}}}]}})"));
  EXPECT_EQ(pod.run, "forecast");
  EXPECT_EQ(pod.meta.owner_name, "job");
  EXPECT_EQ(pod.meta.owner_uid, "j");
  EXPECT_EQ(pod.meta.deletion, second(30));
  EXPECT_EQ(pod.node, "node-1");
  EXPECT_EQ(pod.scheduled_at, second(1));
  EXPECT_EQ(pod.disruption, "TerminationByKubelet");
  EXPECT_TRUE(pod.scheduled && pod.ended());
  EXPECT_TRUE(pod.image_volume && pod.set_up);
  EXPECT_EQ(pod.agent.state, ContainerView::State::kRunning);
  EXPECT_EQ(pod.model.state, ContainerView::State::kTerminated);
  EXPECT_EQ(pod.model.exit_code, 137);
  EXPECT_EQ(pod.model.signal, 9);
  EXPECT_EQ(pod.model.finished_at, second(4));
  EXPECT_EQ(pod.model.image_id, "i2");
}

TEST(Workload, PodThatIsNotScheduled) {
  const auto pod = decode_pod(json::parse(R"({"status": {"phase": "Pending", "conditions": [
    {"type": "PodScheduled", "status": "False", "message": "0/1 nodes"}, {"type": "DisruptionTarget", "status": "False", "reason": "x"},
    {"type": "PodReadyToStartContainers", "status": "False"}]}, "spec": {"volumes": [{"name": "repo", "emptyDir": {}}]}})"));
  EXPECT_FALSE(pod.scheduled || pod.ended() || pod.image_volume || pod.set_up);
  EXPECT_EQ(pod.scheduling_message, "0/1 nodes");
  EXPECT_EQ(pod.disruption, "");
  EXPECT_EQ(decode_pod(json::object()).model.state, ContainerView::State::kUnknown);
}

TEST(Workload, Job) {
  const auto job =
      decode_job(json::parse(R"({"metadata": {"labels": {"modelrun.dev/run-uid": "r"}}, "spec": {"suspend": true},
    "status": {"conditions": [{"type": "Complete", "status": "False"}, {"type": "Failed", "status": "True", "reason": "B", "message": "m"}]}})"));
  EXPECT_EQ(job.run_uid, "r");
  EXPECT_TRUE(job.failed);
  EXPECT_FALSE(job.complete);
  EXPECT_TRUE(job.suspended);
  EXPECT_FALSE(job.resumed);
  const auto resumed =
      decode_job(json::parse(R"({"metadata": {"labels": {"kueue.x-k8s.io/queue-name": "q"}}, "spec": {"suspend": false},
    "status": {"conditions": [{"type": "Suspended", "status": "False", "reason": "JobResumed"}]}})"));
  EXPECT_FALSE(resumed.suspended);
  EXPECT_TRUE(resumed.resumed);
  EXPECT_EQ(resumed.queue, "q");
  const auto waits =
      decode_job(json::parse(R"({"status": {"conditions": [{"type": "Suspended", "status": "True"}]}})"));
  EXPECT_FALSE(waits.resumed || waits.suspended);
}

TEST(PodMetadata, KeysThatKubernetesOrTheOperatorReliesOnAreClosed) {
  struct Row {
    const char* key;
    bool label, annotation;
  };
  for (const auto& [key, label, annotation] : {
           Row{"team", true, false},
           Row{"example.com/team", true, true},
           Row{"sidecar.istio.io/inject", true, true},
           Row{"notkubernetes.io/x", true, true},
           Row{"kubernetes.io", true, false},
           Row{"modelrun.dev/run-uid", false, false},
           Row{"a.modelrun.dev/x", false, false},
           Row{"kubernetes.io/x", false, false},
           Row{"batch.kubernetes.io/job-name", false, false},
           Row{"k8s.io/x", false, false},
           Row{"cdi.k8s.io/x", false, false},
           Row{"kueue.x-k8s.io/x", false, false},
           Row{"kueue.x-k8s.io/queue-name", true, false},
           Row{"app.kubernetes.io/part-of", true, false},
           Row{"app.kubernetes.io/managed-by", false, false},
           Row{"cluster-autoscaler.kubernetes.io/safe-to-evict", false, true},
           Row{"k8s.v1.cni.cncf.io/networks", true, false},
           Row{"cni.projectcalico.org/ipAddrs", true, false},
           Row{"io.katacontainers.config.hypervisor.path", true, false},
           Row{"job-name", false, false},
           Row{"controller-uid", false, false},
           Row{"", false, false},
       }) {
    EXPECT_EQ(is_open_label(key), label) << key;
    EXPECT_EQ(is_open_annotation(key), annotation) << key;
  }
}

TEST(PodMetadata, IsDecodedAndWhatIsNoTextIsLeftOut) {
  const auto project = decode_model_project(json::parse(
      R"({"spec": {"runtime": {"podLabels": {"team": "risk", "n": 1}, "podAnnotations": {"example.com/a": "b"}}}})"));
  EXPECT_EQ(project.runtime.pod_labels, (std::map<std::string, std::string>{{"team", "risk"}}));
  EXPECT_EQ(project.runtime.pod_annotations, (std::map<std::string, std::string>{{"example.com/a", "b"}}));
  EXPECT_EQ(decode_model_run(json::parse(R"({"metadata": {"labels": {"team": "x", "n": []}}})")).labels,
            (std::map<std::string, std::string>{{"team", "x"}}));
}

TEST(AlteredParameters, AreNamed) {
  struct Row {
    const char* value;
    const char* altered;  // empty: taken as it is
  };
  for (const auto& [value, altered] : {
           Row{R"({"n": 123456789012345678901234567890})", "/n has 1.2345678901234568e+29, which was rounded"},
           Row{R"({"n": 1.2345678901234568e+29})", "/n has 1.2345678901234568e+29, which was rounded"},
           Row{R"({"n": 18446744073709552000})", "/n has 18446744073709552000, which was rounded"},
           Row{R"({"a": [1, {"b/c": 9223372036854775808}]})", "/a/1/b~1c has 9223372036854775808, which was rounded"},
           Row{R"({"n": "1e400"})", R"(/n is the text "1e400", as no number can be so large or so small)"},
           Row{R"({"n": "-1e-400"})", R"(/n is the text "-1e-400", as no number can be so large or so small)"},
           Row{R"({"n": 9223372036854775807, "m": -9223372036854775808})", ""},
           Row{R"({"n": 1e30, "m": 0.1234567890123456789, "o": 1e19, "p": "123456789012345678901234567890"})", ""},
           Row{R"({"n": "1e40", "m": "", "o": "e", "p": "1e400m"})", ""},
           Row{"{}", ""},
       }) {
    const Parameters parameters(json::parse(value));
    EXPECT_EQ(parameters.altered().substr(0, std::string_view(altered).size()), altered) << value;
    EXPECT_EQ(parameters.altered().empty(), std::string_view(altered).empty()) << value << parameters.altered();
  }
  const Parameters deep(json{{std::string(10'000, 'k'), json::parse("123456789012345678901234567890")}});
  EXPECT_LE(deep.altered().size(), 256U);
}

TEST(JsonAccess, NumbersBeyondTheBoundsBecomeTheNearest) {
  const auto bounded = [](const char* number) {
    return bounded_at(nlohmann::json::parse(fmt::format(R"({{"n": {}}})", number)), "n", -5, 1000);
  };
  EXPECT_EQ(bounded("18446744073709551615"), 1000);
  EXPECT_EQ(bounded("9223372036854775807"), 1000);
  EXPECT_EQ(bounded("-9223372036854775808"), -5);
  EXPECT_EQ(bounded("7"), 7);
  EXPECT_EQ(bounded("7.5"), std::nullopt);
}

}  // namespace
}  // namespace modelrun::api
