#include "cli/manifest.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api/run_object.h"
#include "cli/yaml.h"
#include "kube/refusal.h"

namespace modelrun::cli {
namespace {

using nlohmann::json;
using testing::HasSubstr;

constexpr std::string_view kRun = R"(
apiVersion: modelrun.dev/v1alpha1
kind: ModelRun
spec:
  project: forecasts
  scope: project
  parameters: {rate: 0.05, name: "5", regions: [eu, us]}
)";

Result<json> read(std::string_view text, ManifestPlace place = {.source = "run.yaml", .namespace_ = "here"}) {
  return read_manifest(place, text);
}

std::string refusal(std::string_view text) {
  const auto object = read(text);
  return object ? "" : object.error().message;
}

TEST(Manifest, FillsInNameNamespaceAndLabel) {
  const auto object = read(kRun);
  ASSERT_TRUE(object) << object.error().message;
  EXPECT_EQ(*object, json::parse(R"({"apiVersion":"modelrun.dev/v1alpha1","kind":"ModelRun",
    "metadata":{"namespace":"here","generateName":"forecasts-","labels":{"modelrun.dev/created-by":"cli"}},
    "spec":{"project":"forecasts","scope":"project","parameters":{"rate":0.05,"name":"5","regions":["eu","us"]}}})"));
}

TEST(Manifest, KeepsWhatItSaysAndDropsStatus) {
  const auto object = read(R"({"apiVersion":"modelrun.dev/v1alpha1","kind":"ModelRun",
    "metadata":{"name":"mine","namespace":"there","labels":{"team":"a"}},"spec":{"project":"p"},"status":{"phase":"Succeeded"}})");
  ASSERT_TRUE(object) << object.error().message;
  EXPECT_EQ(object->at("metadata"), json::parse(R"({"name":"mine","namespace":"there",
    "labels":{"team":"a","modelrun.dev/created-by":"cli"}})"));
  EXPECT_FALSE(object->contains("status"));
}

TEST(Manifest, Refusals) {
  EXPECT_THAT(refusal(""), HasSubstr("nothing in it"));
  EXPECT_THAT(refusal("[1]"), HasSubstr("not a ModelRun but array"));
  EXPECT_THAT(refusal("kind: Job\napiVersion: batch/v1\n"), HasSubstr("kind 'Job'"));
  EXPECT_THAT(refusal(std::string(kRun) + "---\na: 1\n"), HasSubstr("2 documents"));
  EXPECT_THAT(refusal("a: [1"), HasSubstr("run.yaml: line "));
  EXPECT_THAT(refusal("a: 1\na: 2\n"), HasSubstr("line 2, column 1: the key 'a' stands here twice"));
  EXPECT_THAT(refusal(R"({"a":1,"a":2})"), HasSubstr("duplicate key"));
  EXPECT_THAT(refusal("apiVersion: modelrun.dev/v1alpha1\nkind: ModelRun\n"), HasSubstr("spec.project"));
  EXPECT_THAT(refusal("apiVersion: modelrun.dev/v1alpha1\nkind: ModelRun\nmetadata: 5\n"), HasSubstr("mapping"));
}

TEST(Manifest, AnotherNamespaceThanTheFlagIsRefused) {
  const std::string text = std::string(kRun) + "metadata: {namespace: there}\n";
  EXPECT_EQ(read(text)->at("metadata").at("namespace"), "there");
  const auto refused = read(text, {.source = "run.yaml", .namespace_ = "here", .namespace_given = true});
  EXPECT_THAT(refused.error().message, HasSubstr("'there', but -n says 'here'"));
}

TEST(Yaml, ScalarsAreWhatKubectlTakesThemFor) {
  const auto documents = parse_yaml(R"(
[1, -1, +1, 0x1F, 0o17, 017, 0b11, 1_000, 1.5, .5, 1e3, 1.5e-3, true, yes, Off, null, ~, "1", 'yes', 1.2.3, 2026-01-01,
 1e, "", "~", -, 0x, e5, 12:30, !!str 5, 08, _1])");
  ASSERT_TRUE(documents) << documents.error().message;
  EXPECT_EQ(documents->front(),
            json::parse(R"([1,-1,1,31,15,15,3,1000,1.5,0.5,1e3,1.5e-3,true,true,false,null,null,"1","yes",
    "1.2.3","2026-01-01","1e","","~","-","0x","e5","12:30","5",8.0,"_1"])"));
}

TEST(Yaml, KeysAreWhatKubectlTakesThemFor) {
  const auto documents =
      parse_yaml("{on: 1, n: 2, 017: 3, 2026: 4, 0.5: 5, \"yes\": 6, 'off': 7, plain: 8, !!str 08: 9}");
  ASSERT_TRUE(documents) << documents.error().message;
  EXPECT_EQ(documents->front(),
            json::parse(R"({"true":1,"false":2,"15":3,"2026":4,"0.5":5,"yes":6,"off":7,"plain":8,"08":9})"));
  for (const char* text : {"~: 1", "null: 1", ": 1"}) {
    EXPECT_THAT(parse_yaml(text).error().message, HasSubstr("a key must be plain text")) << text;
  }
  for (const char* text : {"1e3: 1", "1.50: 1", "52.5200066: 1", "1234567.5: 1"}) {
    EXPECT_THAT(parse_yaml(text).error().message, HasSubstr("is no text: quote it")) << text;
  }
  EXPECT_THAT(parse_yaml("{on: 1, yes: 2}").error().message, HasSubstr("the key 'true' stands here twice"));
}

TEST(Yaml, Refusals) {
  const auto message = [](std::string_view text) { return parse_yaml(text).error().message; };
  EXPECT_THAT(message("a: 9223372036854775808"), HasSubstr("line 1, column 4, a: 9223372036854775808 is outside"));
  EXPECT_THAT(message("a: .nan"), HasSubstr("not a number that JSON can hold"));
  EXPECT_THAT(message("a: !!binary aGk="), HasSubstr("not supported"));
  EXPECT_THAT(message("? [1]\n: 2\n"), HasSubstr("a key must be plain text"));
  std::string bomb = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n";
  for (int i = 1; i < 8; ++i) {
    const std::string last = "*a" + std::to_string(i - 1) + ",";
    std::string line = "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [";
    for (int j = 0; j < 10; ++j) line += last;
    line.back() = ']';
    bomb += line + "\n";
  }
  EXPECT_THAT(message(bomb), HasSubstr("more than 100000 values"));
}

TEST(RunObject, FromFlags) {
  EXPECT_EQ(api::run_object({.namespace_ = "ns",
                             .project = "p",
                             .model = "m",
                             .branch = "dev",
                             .parameters = json::object(),
                             .timeout_seconds = 5,
                             .created_by = "cli"}),
            json::parse(R"({"apiVersion":"modelrun.dev/v1alpha1","kind":"ModelRun",
    "metadata":{"namespace":"ns","generateName":"p-","labels":{"modelrun.dev/created-by":"cli"}},
    "spec":{"project":"p","scope":"model","modelName":"m","branch":"dev","parameters":{},"timeoutSeconds":5}})"));
}

TEST(RunObject, SameAgainTakesThePinnedCommit) {
  api::ModelRun run;
  run.spec = {.project = "p", .branch = "dev", .parameters = json{{"a", 1}}, .timeout_seconds = {}};
  run.status.commit_sha = "c0ffee";
  const auto request = api::same_again(run);
  EXPECT_EQ(request.commit, "c0ffee");
  EXPECT_EQ(request.branch, "") << "the commit is looked for on no branch";
  EXPECT_EQ(request.model, "");
  EXPECT_EQ(request.parameters, (json{{"a", 1}}));
}

TEST(RunObject, SameAgainFailsOnALossOfArtifactsAsBefore) {
  for (const char* word : {"Fail", "Warn"}) {
    const json object{{"metadata", {{"name", "r"}}}, {"spec", {{"project", "p"}, {"onArtifactLoss", word}}}};
    const auto again = api::run_object(api::same_again(api::decode_model_run(object)));
    EXPECT_EQ(again.at("spec").at("onArtifactLoss"), word);
    EXPECT_EQ(api::requested_spec(object.at("spec")).at("onArtifactLoss"), word);
  }
}

TEST(RunObject, SameAgainOfARunThatHasNoCommitYet) {
  api::ModelRun run;
  run.spec = {.project = "p", .branch = "dev", .parameters = {}, .timeout_seconds = {}};
  EXPECT_EQ(api::same_again(run).branch, "dev");
  EXPECT_EQ(api::same_again(run).commit, "");
}

TEST(Refusal, IsTheServersSentence) {
  const auto plain = [](const std::string& said) {
    return kube::plain_refusal(
               {ErrorKind::kInvalid,
                "create modelruns x/p-*: 422 Invalid: ModelRun.modelrun.dev \"p-abc\" is invalid: " + said})
        .message;
  };
  EXPECT_EQ(plain("spec.modelName: Required value: name the model"),
            "the API server refused the run: spec.modelName: Required value: name the model");
  EXPECT_EQ(plain(R"(spec.branch: Invalid value: "a\": b": no spaces: please)"),
            "the API server refused the run: spec.branch: no spaces: please");
  EXPECT_EQ(plain(R"([spec.a: Invalid value: 5: too low, spec.b: Invalid value: "x": bad])"),
            "the API server refused the run: [spec.a: too low, spec.b: bad]");
  EXPECT_EQ(kube::plain_refusal({ErrorKind::kDenied, "403"}).message, "403");
}

}  // namespace
}  // namespace modelrun::cli
