// Brings the spans of this process to a collector, in the background.
#pragma once

#include <chrono>
#include <cstddef>
#include <deque>
#include <functional>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "base/error.h"
#include "base/mutex.h"
#include "kube/request.h"
#include "runtime/backoff.h"
#include "runtime/metrics.h"
#include "runtime/steady_clock.h"
#include "traces/span.h"

namespace modelrun::traces {

// Sends the body of one request to the collector and returns its answer. Blocks, for a bounded time; ends soon after
// `stop` is requested. Called by one thread at a time.
using Post = std::function<Result<kube::Response>(const std::string& body, std::stop_token stop)>;

struct ExporterOptions {
  std::vector<Attribute> resource{};          // what all spans of the process have in common, service.name among it
  double sample_ratio = 1;                    // of the traces that begin here, 0 to 1
  std::size_t queue = 2'048;                  // spans that are held, those of the request under way included
  std::size_t batch = 512;                    // spans in one request
  std::chrono::milliseconds interval{5'000};  // the longest time that a span waits for others
  int tries = 5;                              // of one request
  // Between two tries, unless the collector's Retry-After asks for more.
  runtime::BackoffOptions backoff{.initial = std::chrono::milliseconds(1'000),
                                  .max = std::chrono::milliseconds(30'000)};
  std::chrono::milliseconds longest_retry_after{300'000};  // what Retry-After counts up to
};

// Thread-safe. Owns one thread. Holds at most `queue` spans of at most kMaxSpanBytes (otlp.h); what there is no room
// for is dropped. A request is tried again after HTTP 429, 502, 503 and 504, and when there was no answer; its spans
// are given up when it is refused in another way, or when all tries were in vain. Each span counts once in the metric
// modelrun_trace_spans_total, by what came of it. `clock` and `metrics` must outlive it.
class Exporter final : public Tracer {
 public:
  Exporter(ExporterOptions options, Post post, runtime::SteadyClock& clock, runtime::Metrics& metrics);
  ~Exporter() override;  // stop()
  Exporter(const Exporter&) = delete;
  Exporter& operator=(const Exporter&) = delete;

  [[nodiscard]] bool samples(std::string_view trace_id) const override;
  void record(const Span& span) override;

  // Waits, for at most `timeout` of real time, until the spans that are held are sent, each with one more try; then
  // ends the thread and joins it. What is still held is dropped, as are spans that come later. May be called again.
  void stop(std::chrono::milliseconds timeout = std::chrono::milliseconds{3'000});

 private:
  void run(const std::stop_token& stop);
  std::vector<std::string> take_batch(const std::stop_token& stop);
  void deliver(std::size_t spans, const std::string& body, const std::stop_token& stop);
  bool wait_to_retry(std::chrono::milliseconds delay, const std::stop_token& stop);
  void count(const char* result, std::size_t spans);
  void report(std::size_t spans, const std::string& error);

  const ExporterOptions options_;
  const std::string resource_;
  const Post post_;
  runtime::SteadyClock& clock_;
  runtime::Metrics& metrics_;

  bool failing_ = false;  // used by the thread only: the last request failed

  Mutex mutex_;
  CondVar changed_;
  std::deque<std::string> queue_ GUARDED_BY(mutex_);  // encoded
  std::size_t sending_ GUARDED_BY(mutex_) = 0;        // spans of the request under way
  bool closing_ GUARDED_BY(mutex_) = false;
  std::jthread thread_;
};

}  // namespace modelrun::traces
