// The metrics of a process in the text format of Prometheus, and the metrics that the runtime itself reports.
#pragma once

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>

#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <string_view>

namespace modelrun::runtime {

class ProjectLabels;

// Thread-safe. The counters, gauges and histograms live as long as this object. A second call with the same name and
// labels returns the same object; `help` counts only in the first call for a name.
class Metrics {
 public:
  using Labels = std::map<std::string, std::string>;

  Metrics();
  ~Metrics();
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;

  prometheus::Counter& counter(const std::string& name, const std::string& help, const Labels& labels = {});
  prometheus::Gauge& gauge(const std::string& name, const std::string& help, const Labels& labels = {});
  // `buckets` are upper bounds in ascending order; the default is in seconds, from 1 ms to 60 s.
  prometheus::Histogram& histogram(const std::string& name, const std::string& help, const Labels& labels = {});
  prometheus::Histogram& histogram(const std::string& name, const std::string& help, const Labels& labels,
                                   const prometheus::Histogram::BucketBoundaries& buckets);

  // Returns the body for /metrics (text/plain; version=0.0.4). It includes the resident memory, the CPU time, the open
  // descriptors and the start time of the process, and the memory limit of its container if there is one.
  [[nodiscard]] std::string text() const;

  // The following record what happens in the runtime. `result`, `reason` and `verb` become label values.
  void reconciled(std::string_view controller, std::string_view result, std::chrono::nanoseconds took);
  void queue_depth(std::string_view queue, std::size_t depth);
  void queue_waited(std::string_view queue, std::chrono::nanoseconds waited);
  void workers(std::string_view controller, int count);
  // A worker has begun (1) or ended (-1) to work on a key.
  void working(std::string_view controller, int change);
  void watch_restarted(std::string_view resource, std::string_view reason);
  void watch_synced(std::string_view resource, bool synced);
  // `code` is the HTTP status; 0 when there was no answer.
  void api_request(std::string_view verb, std::string_view resource, int code, std::chrono::nanoseconds took);
  void event_dropped();
  void leading(bool leader);

  // For metrics with the labels `project_namespace` and `project` (project_labels.h).
  [[nodiscard]] ProjectLabels& projects();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace modelrun::runtime
