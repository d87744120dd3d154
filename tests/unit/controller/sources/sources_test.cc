// What is known of a run's source, with a git that answers as the test says, when the test says.
#include "controller/sources/sources.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include <deque>
#include <filesystem>
#include <fstream>

#include "fakes/fake_transport.h"
#include "fakes/manual_clock.h"
#include "unit/controller/run/scene.h"

namespace modelrun::controller::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using State = SourceView::State;

class WaitingTasks final : public Executor {
 public:
  void post(std::string_view owner, Task task) override {
    owners.emplace_back(owner);
    tasks_.push_back(std::move(task));
  }
  void post_short(std::string_view owner, Task task) override { post("short " + std::string(owner), std::move(task)); }
  void run_all() {
    while (!tasks_.empty()) run_one();
  }
  void run_one() {
    const Task task = std::move(tasks_.front());
    tasks_.pop_front();
    task(stop_.get_token());
  }
  std::vector<std::string> owners;

 private:
  std::deque<Task> tasks_;
  std::stop_source stop_;
};

// Of a commit without files.
std::filesystem::path empty_listing() {
  auto path = std::filesystem::path(::testing::TempDir()) / fmt::format("sources_test.{}", ::getpid());
  const std::ofstream file(path);
  return path;
}

class ScriptedGit final : public Git {
 public:
  Result<source::Resolved> resolve(const source::Remote&, const std::optional<std::string>& branch,
                                   const std::optional<std::string>& commit, std::stop_token stop) override {
    ++resolves;
    if (during) during();
    stopped = stop.stop_requested();
    if (error) return std::unexpected(*error);
    if (commit) return source::Resolved{*commit, {}};
    return source::Resolved{kCommit, branch.value_or("main")};
  }
  Result<ArchivePtr> fetch(const source::Remote&, const std::string&, std::stop_token stop) override {
    ++fetches;
    if (during) during();
    stopped = stop.stop_requested();
    auto archive = std::make_shared<const source::Archive>(source::ArchiveFiles{"/nowhere", listing},
                                                           source::FileDigest{std::string(64, 'a'), 1});
    handed = archive;
    return archive;
  }
  ArchivePtr find(const source::Remote&, const std::string&) override { return on_disk; }
  ArchivePtr on_disk;
  std::optional<Error> error;
  std::function<void()> during;
  bool stopped = false;
  int resolves = 0, fetches = 0;
  std::weak_ptr<const source::Archive> handed;
  const std::filesystem::path listing = empty_listing();
};

class SourcesTest : public ::testing::Test {
 protected:
  void begin(bool hold = false) { sources_.begin(scene_.run, scene_.project, {.hold = hold}); }
  State state() { return sources_.view(scene_.run.meta.uid).state; }

  Scene scene_;
  fakes::FakeTransport transport_;
  kube::Client client_{transport_};
  source::Policy policy_;
  ScriptedGit git_;
  fakes::ManualSteadyClock clock_;
  std::vector<std::string> woken_;
  std::unique_ptr<WaitingTasks> made_ = std::make_unique<WaitingTasks>();
  WaitingTasks& tasks_ = *made_;
  Sources sources_{{client_, policy_, git_, clock_},
                   std::move(made_),
                   [this](const std::string& key) { woken_.push_back(key); },
                   [this](const std::string& key) { woken_.push_back("project " + key); }};
};

TEST_F(SourcesTest, AQueuedRunHoldsNoArchive) {
  begin();
  EXPECT_EQ(state(), State::kWorking);
  tasks_.run_all();
  EXPECT_EQ(state(), State::kReady);
  EXPECT_TRUE(git_.handed.expired());
  EXPECT_THAT(woken_, ElementsAre("n/forecast"));
}

TEST_F(SourcesTest, SaysWhatTheCommitLacks) {
  std::ofstream(git_.listing) << source::placeholder_lines({.submodule = "libs/x", .lfs_pointer = "data/a.csv"})
                              << "run.py\n";
  begin();
  tasks_.run_all();
  const auto view = sources_.view(scene_.run.meta.uid);
  EXPECT_TRUE(view.has_entry_point);
  EXPECT_THAT(view.warning, ::testing::HasSubstr("submodules, which are empty folders here; the first is 'libs/x'"));
  EXPECT_THAT(view.warning, ::testing::HasSubstr("pointers of Git LFS"));
  EXPECT_THAT(view.warning, ::testing::HasSubstr("'data/a.csv'"));
}

TEST_F(SourcesTest, TheArchiveIsHeldForThePodAndLetGoWithTheGrant) {
  begin();
  tasks_.run_all();
  begin(/*hold=*/true);
  tasks_.run_all();
  EXPECT_TRUE(sources_.view(scene_.run.meta.uid).held);
  EXPECT_FALSE(git_.handed.expired());
  const int fetches = git_.fetches;
  begin(/*hold=*/true);
  int taken = 0;
  sources_.take(scene_.run, scene_.project, [&](const auto& archive) { taken += archive.has_value(); });
  EXPECT_EQ(taken, 1) << "without a task";
  EXPECT_EQ(git_.fetches, fetches);
  EXPECT_TRUE(git_.handed.expired());
  sources_.take(scene_.run, scene_.project, [&](const auto& archive) { taken += archive.has_value(); });
  tasks_.run_all();
  EXPECT_EQ(taken, 2) << "a pod whose connection broke off asks again";
}

TEST_F(SourcesTest, WhatIsForgottenIsStoppedOrNotBegun) {
  begin();
  sources_.forget(scene_.run.meta.uid);
  tasks_.run_all();
  EXPECT_EQ(git_.resolves, 0) << "its turn had not come";
  begin();
  git_.during = [&] { sources_.forget(scene_.run.meta.uid); };
  tasks_.run_all();
  EXPECT_TRUE(git_.stopped) << "git is ended, whatever it waits for";
  EXPECT_EQ(state(), State::kNone);
  EXPECT_THAT(woken_, IsEmpty());
}

TEST_F(SourcesTest, ACommitThatIsThereNeedsNoSlotOfAGitServer) {
  scene_.run.spec.commit_sha = kCommit;
  git_.on_disk = std::make_shared<const source::Archive>(source::ArchiveFiles{"/nowhere", git_.listing},
                                                         source::FileDigest{std::string(64, 'b'), 1});
  begin();
  tasks_.run_all();
  EXPECT_EQ(state(), State::kReady);
  EXPECT_EQ(sources_.view(scene_.run.meta.uid).sha256, std::string(64, 'b'));
  EXPECT_THAT(tasks_.owners, ElementsAre("short n"));
  EXPECT_EQ(git_.fetches, 0);
  git_.on_disk = nullptr;
  sources_.forget(scene_.run.meta.uid);
  begin();
  tasks_.run_all();
  EXPECT_EQ(state(), State::kReady);
  EXPECT_THAT(tasks_.owners, ElementsAre("short n", "short n", "n/git.example"));
}

TEST_F(SourcesTest, AFetchForAPodEndsWithItsRun) {
  scene_.run.status.commit_sha = kCommit;
  git_.during = [&] { sources_.forget(scene_.run.meta.uid); };
  int called = 0;
  sources_.take(scene_.run, scene_.project, [&](const auto&) { ++called; });
  tasks_.run_all();
  EXPECT_TRUE(git_.stopped);
  EXPECT_EQ(called, 1) << "the pod gets an answer";
}

TEST_F(SourcesTest, ALookUpEndsWithItsProject) {
  git_.during = [&] { sources_.forget_project(scene_.project.meta.uid); };
  sources_.begin_probe(scene_.project);
  tasks_.run_all();
  EXPECT_TRUE(git_.stopped);
  git_.during = [&] {
    git_.during = nullptr;
    ++scene_.project.meta.generation;
    sources_.begin_probe(scene_.project);
  };
  git_.stopped = false;
  sources_.begin_probe(scene_.project);
  tasks_.run_one();
  EXPECT_TRUE(git_.stopped) << "its project has changed, and is looked at anew";
}

TEST_F(SourcesTest, TasksBelongToANamespaceAndAHost) {
  begin();
  auto other = scene_.project;
  other.meta.uid = "other";
  other.meta.namespace_ = "m";
  sources_.begin_probe(other);
  other.meta.uid = "third";
  other.git.url = "https://slow.example/p.git";
  sources_.begin_probe(other);
  EXPECT_THAT(tasks_.owners, ElementsAre("n/git.example", "m/git.example", "m/slow.example"));
}

TEST_F(SourcesTest, TheClockBeginsWithTheFirstQuestion) {
  git_.error = Error{ErrorKind::kUnavailable, "no answer"};
  begin();
  tasks_.run_all();
  clock_.advance(std::chrono::seconds(5));
  begin();
  tasks_.run_all();
  EXPECT_EQ(git_.resolves, 2);
  EXPECT_EQ(sources_.view(scene_.run.meta.uid).asked_for, std::chrono::seconds(5));
}

// A run that has waited for its slot asks for the archive then. Trouble from there on is as young as it is.
TEST_F(SourcesTest, TheClockBeginsAnewWithTheArchive) {
  begin();
  tasks_.run_all();
  clock_.advance(std::chrono::seconds(100));
  git_.error = Error{ErrorKind::kUnavailable, "no answer"};
  begin(/*hold=*/true);
  tasks_.run_all();
  EXPECT_EQ(state(), State::kFailed);
  EXPECT_EQ(sources_.view(scene_.run.meta.uid).asked_for, std::chrono::seconds(0));
}

TEST_F(SourcesTest, ATryIsNotAsOldAsItsEnd) {
  git_.error = Error{ErrorKind::kUnavailable, "no answer"};
  begin();
  clock_.advance(std::chrono::seconds(3));
  tasks_.run_all();
  const auto since_try = [this] { return sources_.view(scene_.run.meta.uid).since_try; };
  EXPECT_EQ(since_try(), std::chrono::seconds(3));
  clock_.advance(std::chrono::seconds(5));
  begin();
  EXPECT_EQ(since_try(), std::chrono::seconds(8)) << "the second one has not failed yet";
  tasks_.run_all();
  EXPECT_EQ(since_try(), std::chrono::seconds(0));
}

TEST_F(SourcesTest, ATryThatMustBeMadeNowWaitsForNoBackOff) {
  git_.error = Error{ErrorKind::kUnavailable, "no answer"};
  begin();
  tasks_.run_all();
  begin();
  tasks_.run_all();
  EXPECT_EQ(git_.resolves, 1);
  sources_.begin(scene_.run, scene_.project, {.now = true});
  tasks_.run_all();
  EXPECT_EQ(git_.resolves, 2);
}

TEST_F(SourcesTest, AProjectThatIsGoneIsForgotten) {
  sources_.begin_probe(scene_.project);
  tasks_.run_all();
  EXPECT_TRUE(sources_.probe_of(scene_.project));
  sources_.forget_project(scene_.project.meta.uid);
  EXPECT_FALSE(sources_.probe_of(scene_.project));
}

}  // namespace
}  // namespace modelrun::controller::testing
