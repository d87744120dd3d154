#include "simulation/process.h"

#include <utility>

#include "controller/reconcile_project.h"
#include "controller/reconcile_run.h"
#include "controller/reconcile_sweep.h"
#include "controller/run/record.h"
#include "controller/wiring.h"
#include "runtime/store.h"
#include "simulation/executor.h"

namespace modelrun::simulation {
namespace {

constexpr int kRunWorkers = 2;
constexpr int kSweepWorkers = 2;

template <class T>
std::unique_ptr<runtime::WatchSink> sink_of(runtime::Store<T>& store, std::function<T(const Json&)> decode) {
  return std::make_unique<runtime::StoreSink<T>>(store, [decode = std::move(decode)](const Json& object) -> Result<T> {
    try {
      return decode(object);
    } catch (const Json::exception& error) {
      return fail(ErrorKind::kInvalid, "{}", error.what());
    }
  });
}

}  // namespace

Process::Process(ProcessParts parts)
    : parts_(std::move(parts)),
      sim_(parts_.sim),
      steady_(sim_),
      clock_(sim_, parts_.clock_offset),
      transport_(sim_, parts_.server, parts_.network, parts_.who),
      client_(transport_),
      git_(sim_, parts_.git),
      caches_(steady_),
      gate_(caches_, term_) {
  transport_.on_crash = [this] { kill(); };
}

Process::~Process() = default;

void Process::kill() {
  if (dead_) return;
  dead_ = true;
  group_.paused = false;
  transport_.cut();
  stop_.request_stop();
}

void Process::watch(const kube::Resource& resource, std::string_view selector,
                    std::unique_ptr<runtime::WatchSink> sink) {
  runtime::WatcherOptions options;
  options.resource = resource;
  options.label_selector = selector;
  options.page_size = parts_.seed % 3 == 0 ? 2 : 500;
  options.seed = parts_.seed;
  watchers_.push_back(std::make_unique<runtime::Watcher>(client_, options, *sink, steady_, nullptr));
  sinks_.push_back(std::move(sink));
  sim_.fibers.spawn(group_, fmt::format("{} watch {}", parts_.who, resource.plural),
                    [watcher = watchers_.back().get(), stop = stop_.get_token()] { watcher->run(stop); });
}

void Process::start() {
  controller::wire_caches(caches_, term_);
  watch(kube::kModelProjects, "", sink_of<api::ModelProject>(caches_.projects, &api::decode_model_project));
  watch(kube::kModelRuns, "", sink_of<controller::RunRecord>(caches_.runs, [this](const Json& object) {
          return caches_.record_of(api::decode_model_run(object));
        }));
  watch(kube::kJobs, api::kOursSelector, sink_of<api::JobView>(caches_.jobs, &api::decode_job));
  watch(kube::kPods, api::kOursSelector, sink_of<api::PodView>(caches_.pods, &api::decode_pod));
  needed_ = watchers_.size();
  if (sim_.sweeps) {
    watch(kube::kModelSweeps, "", sink_of<controller::SweepRecord>(caches_.sweeps, [](const Json& object) {
            return controller::make_sweep_record(api::decode_model_sweep(object));
          }));
  }
  sim_.fibers.spawn(group_, parts_.who + " election", [this] { lead(); });
}

bool Process::synced() const {
  return needed_ > 0 && std::all_of(watchers_.begin(), watchers_.begin() + static_cast<std::ptrdiff_t>(needed_),
                                    [](const auto& watcher) { return watcher->synced(); });
}

void Process::lead() {
  const auto stop = stop_.get_token();
  sim_.fibers.wait({}, [this] { return synced(); }, stop);
  if (stop.stop_requested()) return;
  if (!parts_.elect) {
    begin_leading();
    sim_.fibers.wait({}, {}, stop);
    end_leading();
    return;
  }
  runtime::LeaderOptions options;
  options.namespace_ = "system";
  options.lease = "operator";
  options.identity = parts_.identity;
  options.seed = parts_.seed;
  runtime::LeaderElector elector(client_, options, {[this] { begin_leading(); }, [this] { end_leading(); }}, clock_,
                                 steady_, nullptr);
  elector.run(stop);
}

void Process::begin_leading() {
  if (std::exchange(has_led_, true)) sim_.led_again = true;
  sim_.trace.line(parts_.who, "leads");
  git_.note_term();
  own_term_ = std::make_shared<controller::Term>(controller::Term::Parts{
      .client = client_,
      .settings = parts_.settings,
      .clock = clock_,
      .steady = steady_,
      .caches = caches_,
      .git = git_,
      .policy = policy_,
      .events = events_,
      .metrics = metrics_,
      .executor = std::make_unique<FiberExecutor>(sim_, group_, parts_.who),
      .image_volumes = true,
      .seed = parts_.seed,
  });
  workers_stop_ = {};
  term_.begin(own_term_);
  start_workers();
}

void Process::start_workers() {
  const auto& context = own_term_->context();
  const auto start = [&](std::string_view kind, int count, runtime::WorkQueue& queue, auto reconcile) {
    const auto pass = [&context, reconcile](const std::string& key, std::stop_token stop) {
      return reconcile(context, key, std::move(stop));
    };
    for (int i = 0; i < count; ++i) {
      ++workers_;
      sim_.fibers.spawn(group_, fmt::format("{} {} worker {}", parts_.who, kind, i),
                        [this, kind, &queue, pass, stop = workers_stop_.get_token()] {
                          work(kind, queue, pass, stop);
                          --workers_;
                        });
    }
  };
  start("run", kRunWorkers, context.run_queue, &controller::reconcile_run);
  start("project", 1, context.project_queue, &controller::reconcile_project);
  if (sim_.sweeps) start("sweep", kSweepWorkers, context.sweep_queue, &controller::reconcile_sweep);
}

void Process::work(std::string_view kind, runtime::WorkQueue& queue, const runtime::Reconcile& reconcile,
                   std::stop_token stop) {
  while (const auto key = queue.get(stop)) {
    if (sim_.trace.on()) sim_.trace.line(parts_.who, "reconciles {} {}", kind, *key);
    runtime::work_one(std::string(kind), queue, *key, reconcile, stop, steady_, nullptr);
  }
}

void Process::end_leading() {
  sim_.trace.line(parts_.who, "leads no longer");
  term_.end();
  workers_stop_.request_stop();
  sim_.fibers.wait({}, [this] { return workers_ == 0; });
  own_term_.reset();
}

std::uint64_t Process::digest() const {
  std::uint64_t digest = 31;
  digest = mix(digest, dead_ ? 1 : group_.paused ? 2 : term_.leading() ? 3 : synced() ? 4 : 5);
  // How far the caches are behind: the versions that differ from those of the server, by kind and key.
  const auto compare = [&](Kind kind, const auto& store) {
    std::uint64_t behind = 0;
    std::size_t known = 0;
    for (const auto& [key, object] : parts_.server.all(kind)) {
      const auto cached = store.find(key);
      if (!cached) behind ^= mix(hash_text(key), 1);
      if (cached) ++known;
      if (cached && cached->meta.resource_version != object->version) behind ^= mix(hash_text(key), 2);
    }
    digest = mix(mix(digest, behind), store.size() - known);  // and those that it shows but are gone
  };
  compare(Kind::kProjects, caches_.projects);
  compare(Kind::kRuns, caches_.runs);
  compare(Kind::kJobs, caches_.jobs);
  compare(Kind::kPods, caches_.pods);
  compare(Kind::kSweeps, caches_.sweeps);
  if (own_term_) {
    const auto& context = own_term_->context();
    for (const auto* queue : {&context.run_queue, &context.project_queue, &context.sweep_queue}) {
      digest = mix(digest, std::min<std::size_t>(queue->depth(), 8) * 16 + std::min<std::size_t>(queue->delayed(), 8));
    }
  }
  return mix(digest, static_cast<std::uint64_t>(transport_.in_flight()));
}

}  // namespace modelrun::simulation
