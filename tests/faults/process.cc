#include "faults/process.h"

#include <array>
#include <cstdlib>
#include <fstream>
#include <stdexcept>

#include "base/log.h"
#include "controller/deliver_end_event.h"
#include "controller/reconcile_project.h"
#include "controller/reconcile_run.h"
#include "controller/reconcile_sweep.h"
#include "controller/run/as_admitted.h"
#include "controller/wiring.h"
#include "source/files.h"
#include "source/git/git_fetcher.h"

namespace modelrun::faults {
namespace {

// One repository, resolver and archive cache for all worlds: git is asked once.
struct Git {
  source::ScratchDir directory = source::ScratchDir::make(std::filesystem::temp_directory_path()).value();
  std::string commit;
  source::Policy policy;
  std::unique_ptr<source::GitFetcher> fetcher;
  std::unique_ptr<source::Resolver> resolver;
  std::unique_ptr<source::ArchiveCache> archives;
  std::unique_ptr<controller::CachedGit> cached;

  Git() {
    log::configure(log::Format::kText, log::Level::kError);
    const std::string path = (directory.path() / "repository").string();
    const std::string command = fmt::format(
        "set -e; git init -q -b main {0}; cd {0}; mkdir model; echo 'print(1)' > run.py; echo 'x = 1' > "
        "model/revenue.py; "
        "git add .; git -c user.name=a -c user.email=a@b commit -q -m x; git rev-parse HEAD > ../commit; "
        "git checkout -q -b unsafe; ln -s /etc/passwd leak; git add .; "
        "git -c user.name=a -c user.email=a@b commit -q -m y; git checkout -q main",
        path);
    if (std::system(command.c_str()) != 0) throw std::runtime_error("git");
    std::ifstream(directory.path() / "commit") >> commit;
    policy.allow_file = policy.landlock_optional = true;
    fetcher = std::make_unique<source::GitFetcher>(policy, directory.path() / "scratch");
    resolver = std::make_unique<source::Resolver>(source::ResolverOptions{
        .policy = policy, .fetcher = fetcher.get(), .now = [] { return std::chrono::steady_clock::time_point{}; }});
    source::ArchiveCacheOptions options;
    options.policy = policy;
    options.directory = directory.path() / "archives";
    options.fetcher = fetcher.get();
    archives = source::ArchiveCache::open(std::move(options)).value();
    cached = std::make_unique<controller::CachedGit>(*resolver, *archives);
  }
};

Git& git() {
  static Git shared;
  return shared;
}

template <class T, class Decode>
void fill(fakes::FakeApiServer& server, const kube::Resource& resource, runtime::Store<T>& store, Decode decode) {
  store.replace_begin();
  for (const auto& object : server.all(resource)) store.upsert(decode(object));
  store.replace_done(server.version());
}

}  // namespace

std::string repository_url() {
  return "file://" + (git().directory.path() / "repository").string();
}
std::string repository_commit() {
  return git().commit;
}

void WaitingTasks::run_all() {
  while (!tasks_.empty()) {
    const Task task = std::move(tasks_.front());
    tasks_.pop_front();
    task({});
  }
}

Process::Process(Machine& machine)
    : machine_(machine),
      client_(machine.server),
      events_client_(machine.events),
      caches_(machine.steady),
      events_(events_client_, {.instance = "test"}, machine.clock),
      gate_(caches_, current_) {
  controller::wire_caches(caches_, current_);
  for (const auto collection : kCollections) sync(collection);
  begin_leading();
}

void Process::begin_leading() {
  auto tasks = std::make_unique<WaitingTasks>();
  tasks_ = tasks.get();
  term_ = std::make_shared<controller::Term>(controller::Term::Parts{.client = client_,
                                                                     .settings = machine_.settings,
                                                                     .clock = machine_.clock,
                                                                     .steady = machine_.steady,
                                                                     .caches = caches_,
                                                                     .git = *git().cached,
                                                                     .policy = git().policy,
                                                                     .events = events_,
                                                                     .metrics = metrics_,
                                                                     .executor = std::move(tasks),
                                                                     .tracer = machine_.tracer,
                                                                     .sink = machine_.sink,
                                                                     .image_volumes = machine_.image_volumes,
                                                                     .seed = 1});
  current_.begin(term_);
}

void Process::stop_leading() {
  current_.end();
  term_.reset();
}

void Process::sync(Collection collection) {
  switch (collection) {
    case Collection::kProjects:
      return fill(machine_.server, kube::kModelProjects, caches_.projects, &api::decode_model_project);
    case Collection::kRuns:
      return fill(machine_.server, kube::kModelRuns, caches_.runs,
                  [this](const auto& object) { return caches_.record_of(api::decode_model_run(object)); });
    case Collection::kSweeps:
      return fill(machine_.server, kube::kModelSweeps, caches_.sweeps,
                  [](const auto& object) { return controller::make_sweep_record(api::decode_model_sweep(object)); });
    case Collection::kJobs:
      return fill(machine_.server, kube::kJobs, caches_.jobs, &api::decode_job);
    case Collection::kPods:
      return fill(machine_.server, kube::kPods, caches_.pods, &api::decode_pod);
  }
}

bool Process::work() {
  struct Kind {
    const char* name;
    runtime::WorkQueue& queue;
    runtime::ReconcileResult (*reconcile)(const controller::Context&, const std::string&, std::stop_token);
  };
  const Kind kinds[] = {{"runs", context().run_queue, &controller::reconcile_run},
                        {"projects", context().project_queue, &controller::reconcile_project},
                        {"sweeps", context().sweep_queue, &controller::reconcile_sweep},
                        {"end_events", context().end_event_queue, &controller::deliver_end_event}};
  for (const auto& kind : kinds) {
    const auto key = kind.queue.try_get();
    if (!key) continue;
    runtime::work_one(
        kind.name, kind.queue, *key,
        [&](const std::string& name, std::stop_token stop) { return kind.reconcile(context(), name, stop); }, {},
        machine_.steady, nullptr);
    tasks_->run_all();
    return true;
  }
  return false;
}

std::optional<runtime::SteadyClock::Point> Process::next_due() const {
  std::optional<runtime::SteadyClock::Point> first;
  for (const auto* queue :
       {&context().run_queue, &context().project_queue, &context().sweep_queue, &context().end_event_queue}) {
    const auto due = queue->next_due();
    if (due && (!first || *due < *first)) first = due;
  }
  return first;
}

void Process::warm(const std::string& key) {
  const auto record = caches_.runs.find(key);
  if (!record || !record->active || record->active->status.commit_sha.empty()) return;
  const auto project = caches_.projects.find(record->project_key());
  if (!project) return;
  context().sources.begin(*record->active, *controller::as_admitted(*record->active, project), {.hold = true});
  tasks_->run_all();
}

}  // namespace modelrun::faults
