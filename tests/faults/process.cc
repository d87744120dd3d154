#include "faults/process.h"

#include <array>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <stdexcept>

#include "base/log.h"
#include "controller/reconcile_project.h"
#include "controller/reconcile_run.h"
#include "controller/run/as_admitted.h"
#include "controller/wiring.h"
#include "source/scratch.h"

namespace modelrun::faults {
namespace {

constexpr std::chrono::seconds kGitPatience{60};

// One repository, resolver and archive cache for all worlds: git is asked once.
struct Git {
  source::ScratchDir directory = source::ScratchDir::make(std::filesystem::temp_directory_path()).value();
  std::string commit;
  source::Policy policy;
  std::unique_ptr<source::Resolver> resolver;
  std::unique_ptr<source::ArchiveCache> archives;

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
    resolver = std::make_unique<source::Resolver>(
        source::ResolverOptions{.policy = policy, .scratch = directory.path() / "scratch", .now = [] {
                                  return std::chrono::steady_clock::time_point{};
                                }});
    source::ArchiveCacheOptions options;
    options.policy = policy;
    options.directory = directory.path() / "archives";
    archives = source::ArchiveCache::open(std::move(options)).value();
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

Process::Process(Machine& machine, std::uint64_t seed)
    : machine_(machine),
      client_(machine.server),
      events_client_(machine.events),
      run_queue_({.name = "runs", .seed = seed}, machine.steady),
      project_queue_({.name = "projects", .seed = seed}, machine.steady),
      sources_(
          client_, git().policy, *git().resolver, *git().archives, machine.clock,
          [this](const std::string& key) {
            const std::lock_guard lock(mutex_);
            woken_runs_.insert(key);
            fresh_runs_.insert(key);
            changed_.notify_all();
          },
          [this](const std::string& key) {
            const std::lock_guard lock(mutex_);
            woken_projects_.insert(key);
            fresh_projects_.insert(key);
            changed_.notify_all();
          }),
      events_(events_client_, {.instance = "test"}, machine.clock),
      context_{client_, machine.settings, machine.clock, caches_,        inbox_,  sources_, slots_,
               leads_,  project_writes_,  run_queue_,    project_queue_, events_, metrics_},
      gate_(caches_, inbox_, sources_, run_queue_) {
  controller::wire_caches(context_, leading_);
  for (const auto collection : kCollections) sync(collection);
  leading_ = true;
  gate_.set_leading(true);
  controller::enqueue_all(context_);
}

void Process::sync(Collection collection) {
  switch (collection) {
    case Collection::kProjects:
      return fill(machine_.server, kube::kModelProjects, caches_.projects, &api::decode_model_project);
    case Collection::kRuns:
      return fill(machine_.server, kube::kModelRuns, caches_.runs,
                  [](const auto& object) { return controller::make_record(api::decode_model_run(object)); });
    case Collection::kJobs:
      return fill(machine_.server, kube::kJobs, caches_.jobs, &api::decode_job);
    case Collection::kPods:
      return fill(machine_.server, kube::kPods, caches_.pods, &api::decode_pod);
  }
}

bool Process::work(bool projects_first) {
  for (const bool projects : {projects_first, !projects_first}) {
    auto& queue = projects ? project_queue_ : run_queue_;
    const auto key = queue.try_get();
    if (!key) continue;
    runtime::work_one(
        projects ? "projects" : "runs", queue, *key,
        [&](const std::string& name, std::stop_token stop) {
          return projects ? controller::reconcile_project(context_, name, stop)
                          : controller::reconcile_run(context_, name, stop);
        },
        {}, machine_.steady, nullptr);
    settle_sources();
    return true;
  }
  return false;
}

std::optional<runtime::SteadyClock::Point> Process::next_due() const {
  const auto run = run_queue_.next_due();
  const auto project = project_queue_.next_due();
  if (!run || !project) return run ? run : project;
  return std::min(*run, *project);
}

void Process::warm(const std::string& key) {
  const auto record = caches_.runs.find(key);
  if (!record || !record->active || record->active->status.commit_sha.empty()) return;
  const auto project = caches_.projects.find(record->project_key());
  if (project) sources_.begin(*record->active, *controller::as_admitted(*record->active, project));
  settle_sources();
}

// Waits for what the pool has begun, then lets it wake the queues in a fixed order.
void Process::settle_sources() {
  std::set<std::string> runs, projects;
  caches_.runs.for_each([&](const auto& run) {
    if (sources_.view(run->meta.uid).state != controller::SourceView::State::kNone) runs.insert(run->meta.key());
  });
  caches_.projects.for_each([&](const auto& project) {
    const auto probe = sources_.probe(project->meta.uid);
    if (probe && probe->generation != 0) projects.insert(project->meta.key());
  });
  std::unique_lock lock(mutex_);
  const bool done = changed_.wait_for(lock, kGitPatience, [&] {
    bool working = false;
    caches_.projects.for_each([&](const auto& project) {
      const auto probe = sources_.probe(project->meta.uid);
      working = working || (probe && probe->working);
    });
    return !working && std::ranges::includes(woken_runs_, runs) && std::ranges::includes(woken_projects_, projects);
  });
  if (!done) throw std::runtime_error("git did not answer");
  for (const auto& key : std::exchange(fresh_runs_, {})) run_queue_.add(key);
  for (const auto& key : std::exchange(fresh_projects_, {})) project_queue_.add(key);
}

}  // namespace modelrun::faults
