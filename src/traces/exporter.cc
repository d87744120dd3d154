#include "traces/exporter.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/log.h"
#include "traces/otlp.h"

namespace modelrun::traces {
namespace {

// Whether the same request may be taken later (OTLP, "Retryable Response Codes" and "Connection errors").
bool may_retry(const Result<kube::Response>& response) {
  if (!response) return is_transient(response.error().kind);
  return response->status == 429 || (response->status >= 502 && response->status <= 504);
}

std::string reason_of(const Result<kube::Response>& response) {
  if (!response) return response.error().message;
  const auto said = decode_refusal(response->body);
  return fmt::format("the collector answered with HTTP status {}{}{}", response->status, said.empty() ? "" : ": ",
                     said);
}

}  // namespace

Exporter::Exporter(ExporterOptions options, Post post, runtime::SteadyClock& clock, runtime::Metrics& metrics)
    : options_(std::move(options)),
      resource_(encode_resource(options_.resource)),
      post_(std::move(post)),
      clock_(clock),
      metrics_(metrics) {
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

Exporter::~Exporter() {
  stop();
}

bool Exporter::samples(std::string_view trace_id) const {
  return in_ratio(trace_id, options_.sample_ratio);
}

void Exporter::record(const Span& span) {
  auto text = encode_span(span);
  if (!text) return count("dropped", 1);
  {
    const MutexLock lock(mutex_);
    if (!closing_ && queue_.size() + sending_ < options_.queue) {
      queue_.push_back(std::move(*text));
      // The thread waits for the first span, and then for a whole batch.
      if (queue_.size() == 1 || queue_.size() == options_.batch) changed_.notify_all();
      return;
    }
  }
  count("dropped", 1);
}

void Exporter::run(const std::stop_token& stop) {
  while (true) {
    const auto batch = take_batch(stop);
    if (batch.empty()) return;
    deliver(batch.size(), encode_request(resource_, batch), stop);
    const MutexLock lock(mutex_);
    sending_ = 0;
    changed_.notify_all();
  }
}

// Empty: `stop` was requested.
std::vector<std::string> Exporter::take_batch(const std::stop_token& stop) {
  std::vector<std::string> batch;
  const MutexLock lock(mutex_);
  if (!clock_.wait(mutex_, changed_, std::nullopt, stop, [this]() REQUIRES(mutex_) { return !queue_.empty(); })) {
    return batch;
  }
  clock_.wait(mutex_, changed_, clock_.now() + options_.interval, stop,
              [this]() REQUIRES(mutex_) { return closing_ || queue_.size() >= options_.batch; });
  if (stop.stop_requested()) return batch;
  const auto size = std::min(queue_.size(), options_.batch);
  batch.reserve(size);
  for (std::size_t i = 0; i < size; ++i) {
    batch.push_back(std::move(queue_.front()));
    queue_.pop_front();
  }
  sending_ = size;
  return batch;
}

void Exporter::deliver(std::size_t spans, const std::string& body, const std::stop_token& stop) {
  runtime::Backoff backoff(options_.backoff);
  for (int tries = 1;; ++tries) {
    const auto response = post_(body, stop);
    if (response && response->ok()) {
      const auto said = decode_response(response->body);
      const auto rejected = std::min<std::size_t>(said.rejected, spans);
      count("exported", spans - rejected);
      if (rejected > 0) return report(rejected, "the collector rejected them: " + said.message);
      if (std::exchange(failing_, false)) log::info("spans are exported again");
      return;
    }
    const bool again = may_retry(response) && tries < options_.tries;
    if (!again) return report(spans, reason_of(response));
    auto delay = backoff.next();
    if (response && response->retry_after) {
      delay = std::clamp<std::chrono::milliseconds>(*response->retry_after, delay,
                                                    std::max(delay, options_.longest_retry_after));
    }
    if (!wait_to_retry(delay, stop)) return report(spans, reason_of(response));
  }
}

// Returns false when there is no time for another try: the process ends.
bool Exporter::wait_to_retry(std::chrono::milliseconds delay, const std::stop_token& stop) {
  const MutexLock lock(mutex_);
  if (closing_) return false;
  clock_.wait(mutex_, changed_, clock_.now() + delay, stop, [this]() REQUIRES(mutex_) { return closing_; });
  return !stop.stop_requested();
}

void Exporter::count(const char* result, std::size_t spans) {
  if (spans == 0) return;
  metrics_
      .counter("modelrun_trace_spans_total", "Spans of traces, by what came of them.",
               {{"result", std::string(result)}})
      .Increment(static_cast<double>(spans));
}

// Says so in the log once, until a request succeeds.
void Exporter::report(std::size_t spans, const std::string& error) {
  count("failed", spans);
  if (std::exchange(failing_, true)) return;
  log::warn("spans were not exported", {{"spans", std::to_string(spans)}, {"error", error}});
}

void Exporter::stop(std::chrono::milliseconds timeout) {
  {
    const MutexLock lock(mutex_);
    closing_ = true;
    changed_.notify_all();
    changed_.wait_for(mutex_, timeout, [this]() REQUIRES(mutex_) { return queue_.empty() && sending_ == 0; });
  }
  thread_.request_stop();
  if (thread_.joinable()) thread_.join();
  const MutexLock lock(mutex_);
  count("dropped", queue_.size());
  queue_.clear();
}

}  // namespace modelrun::traces
