// The process's metrics in Prometheus' text format, and the counters that the runtime itself feeds.
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

// Thread-safe. Every counter, gauge and histogram lives as long as this object. Asking for the same name and labels
// again gives the same one; `help` is taken from the first to ask.
class Metrics {
 public:
  using Labels = std::map<std::string, std::string>;

  Metrics();
  ~Metrics();
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;

  prometheus::Counter& counter(const std::string& name, const std::string& help, const Labels& labels = {});
  prometheus::Gauge& gauge(const std::string& name, const std::string& help, const Labels& labels = {});
  // `buckets` are upper bounds, rising; by default seconds from 1 ms to 60 s.
  prometheus::Histogram& histogram(const std::string& name, const std::string& help, const Labels& labels = {});
  prometheus::Histogram& histogram(const std::string& name, const std::string& help, const Labels& labels,
                                   const prometheus::Histogram::BucketBoundaries& buckets);

  // What /metrics answers (text/plain; version=0.0.4), with the process's own memory, CPU time and descriptors.
  [[nodiscard]] std::string text() const;

  // What the runtime reports.
  void reconciled(std::string_view controller, std::string_view result, std::chrono::nanoseconds took);
  void queue_depth(std::string_view queue, std::size_t depth);
  void queue_waited(std::string_view queue, std::chrono::nanoseconds waited);
  void watch_restarted(std::string_view resource, std::string_view reason);
  void watch_synced(std::string_view resource, bool synced);
  // `code` 0: there was no answer.
  void api_request(std::string_view verb, std::string_view resource, int code, std::chrono::nanoseconds took);
  void event_dropped();
  void leading(bool leader);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace modelrun::runtime
