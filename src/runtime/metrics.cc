#include "runtime/metrics.h"

#include <fcntl.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <optional>

#include "base/mutex.h"
#include "runtime/project_labels.h"

namespace modelrun::runtime {
namespace {

const prometheus::Histogram::BucketBoundaries kSeconds{0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1,
                                                       0.25,  0.5,    1.0,   2.5,  5.0,   10.0, 60.0};

double seconds(std::chrono::nanoseconds span) {
  return std::chrono::duration<double>(span).count();
}

double resident_bytes() {
  std::FILE* file = std::fopen("/proc/self/statm", "re");
  if (file == nullptr) return 0;
  long size = 0;
  long resident = 0;
  // std::ifstream cannot open with O_CLOEXEC (the "e" above), so it would leave the descriptor open in an exec'd
  // program.
  // NOLINTNEXTLINE(bugprone-unchecked-string-to-number-conversion): the kernel wrote it
  const int read = std::fscanf(file, "%ld %ld", &size, &resident);
  std::fclose(file);
  return read == 2 ? static_cast<double>(resident) * static_cast<double>(::sysconf(_SC_PAGESIZE)) : 0;
}

double cpu_seconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto of = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return of(usage.ru_utime) + of(usage.ru_stime);
}

double open_descriptors() {
  std::error_code error;
  double count = 0;
  for (std::filesystem::directory_iterator entry("/proc/self/fd", error), end; !error && entry != end;
       entry.increment(error)) {
    ++count;
  }
  return count;
}

// The memory limit of the process's control group (version 2) as a container sees it; nullopt if there is none.
std::optional<double> memory_limit_bytes() {
  std::FILE* file = std::fopen("/sys/fs/cgroup/memory.max", "re");
  if (file == nullptr) return std::nullopt;
  unsigned long long limit = 0;
  // NOLINTNEXTLINE(bugprone-unchecked-string-to-number-conversion): the kernel wrote it; "max" is no number
  const int read = std::fscanf(file, "%llu", &limit);
  std::fclose(file);
  return read == 1 ? std::optional(static_cast<double>(limit)) : std::nullopt;
}

}  // namespace

struct Metrics::Impl {
  // This object is made when the process starts.
  const std::chrono::duration<double> start = std::chrono::system_clock::now().time_since_epoch();
  ProjectLabels projects;
  prometheus::Registry registry;
  // The families by name. Every report looks one up, and a look-up in the registry compares all names.
  Mutex mutex;
  Mutex cpu_mutex;  // of text(); taken before `mutex`
  std::map<std::string, prometheus::Family<prometheus::Counter>*, std::less<>> counters GUARDED_BY(mutex);
  std::map<std::string, prometheus::Family<prometheus::Gauge>*, std::less<>> gauges GUARDED_BY(mutex);
  std::map<std::string, prometheus::Family<prometheus::Histogram>*, std::less<>> histograms GUARDED_BY(mutex);

  template <class T, class Build>
  prometheus::Family<T>& family(std::map<std::string, prometheus::Family<T>*, std::less<>> Impl::* families,
                                const std::string& name, const std::string& help, Build build) {
    const MutexLock lock(mutex);
    auto& found = (this->*families)[name];
    if (found == nullptr) found = &build().Name(name).Help(help).Register(registry);
    return *found;
  }
};

Metrics::Metrics() : impl_(std::make_unique<Impl>()) {}
Metrics::~Metrics() = default;

prometheus::Counter& Metrics::counter(const std::string& name, const std::string& help, const Labels& labels) {
  return impl_->family(&Impl::counters, name, help, prometheus::BuildCounter).Add(labels);
}

prometheus::Gauge& Metrics::gauge(const std::string& name, const std::string& help, const Labels& labels) {
  return impl_->family(&Impl::gauges, name, help, prometheus::BuildGauge).Add(labels);
}

prometheus::Histogram& Metrics::histogram(const std::string& name, const std::string& help, const Labels& labels) {
  return histogram(name, help, labels, kSeconds);
}

prometheus::Histogram& Metrics::histogram(const std::string& name, const std::string& help, const Labels& labels,
                                          const prometheus::Histogram::BucketBoundaries& buckets) {
  return impl_->family(&Impl::histograms, name, help, prometheus::BuildHistogram).Add(labels, buckets);
}

std::string Metrics::text() const {
  auto& self = const_cast<Metrics&>(*this);  // the values of the process are updated here, when they are asked for
  self.gauge("process_resident_memory_bytes", "Resident memory").Set(resident_bytes());
  {
    // prometheus::Counter can only be added to; of two callers at once, both would add the same time.
    const MutexLock lock(impl_->cpu_mutex);
    auto& cpu = self.counter("process_cpu_seconds_total", "CPU time used, user and system");
    cpu.Increment(std::max(0.0, cpu_seconds() - cpu.Value()));
  }
  self.gauge("process_open_fds", "Open file descriptors").Set(open_descriptors());
  self.gauge("process_start_time_seconds", "When the process started, in seconds since 1970").Set(impl_->start.count());
  self.gauge("modelrun_build_info", "1, with the version of the program", {{"version", MODELRUN_VERSION}}).Set(1);
  if (const auto limit = memory_limit_bytes()) {
    self.gauge("modelrun_memory_limit_bytes", "Memory limit of the container").Set(*limit);
  }
  return prometheus::TextSerializer().Serialize(impl_->registry.Collect());
}

void Metrics::reconciled(std::string_view controller, std::string_view result, std::chrono::nanoseconds took) {
  const std::string name{controller};
  counter("modelrun_reconcile_total", "Reconciles by their result",
          {{"controller", name}, {"result", std::string{result}}})
      .Increment();
  histogram("modelrun_reconcile_seconds", "Duration of reconciles", {{"controller", name}}).Observe(seconds(took));
}

void Metrics::queue_depth(std::string_view queue, std::size_t depth) {
  gauge("modelrun_queue_depth", "Keys ready to be worked", {{"queue", std::string{queue}}})
      .Set(static_cast<double>(depth));
}

void Metrics::queue_waited(std::string_view queue, std::chrono::nanoseconds waited) {
  histogram("modelrun_queue_wait_seconds", "From being added to being worked", {{"queue", std::string{queue}}})
      .Observe(seconds(waited));
}

void Metrics::workers(std::string_view controller, int count) {
  gauge("modelrun_workers", "Threads that reconcile", {{"controller", std::string{controller}}}).Set(count);
}

void Metrics::working(std::string_view controller, int change) {
  gauge("modelrun_workers_busy", "Threads that are reconciling a key", {{"controller", std::string{controller}}})
      .Increment(change);
}

void Metrics::watch_restarted(std::string_view resource, std::string_view reason) {
  counter("modelrun_watch_restarts_total", "Watches that ended, by why",
          {{"resource", std::string{resource}}, {"reason", std::string{reason}}})
      .Increment();
}

void Metrics::watch_synced(std::string_view resource, bool synced) {
  gauge("modelrun_watch_synced", "1 once the first list is complete", {{"resource", std::string{resource}}})
      .Set(synced ? 1 : 0);
}

void Metrics::api_request(std::string_view verb, std::string_view resource, int code, std::chrono::nanoseconds took) {
  counter("modelrun_api_requests_total", "Requests to the API server; code 0: no answer",
          {{"verb", std::string{verb}}, {"resource", std::string{resource}}, {"code", std::to_string(code)}})
      .Increment();
  // The duration of a watch says nothing about the speed of the server.
  if (verb == "watch") return;
  histogram("modelrun_api_request_seconds", "Duration of requests to the API server", {{"verb", std::string{verb}}})
      .Observe(seconds(took));
}

void Metrics::event_dropped() {
  counter("modelrun_events_dropped_total", "Kubernetes events given up: queue full or refused").Increment();
}

void Metrics::leading(bool leader) {
  gauge("modelrun_leader", "1 while this process leads").Set(leader ? 1 : 0);
}

ProjectLabels& Metrics::projects() {
  return impl_->projects;
}

}  // namespace modelrun::runtime
