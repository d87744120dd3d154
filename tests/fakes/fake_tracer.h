// A Tracer that keeps the spans.
#pragma once

#include <mutex>
#include <string_view>
#include <vector>

#include "traces/span.h"

namespace modelrun::fakes {

// Thread-safe.
class FakeTracer final : public traces::Tracer {
 public:
  explicit FakeTracer(double ratio = 1) : ratio_(ratio) {}
  [[nodiscard]] bool samples(std::string_view trace_id) const override { return traces::in_ratio(trace_id, ratio_); }
  void record(const traces::Span& span) override {
    const std::lock_guard lock(mutex_);
    spans_.push_back(span);
  }
  [[nodiscard]] std::vector<traces::Span> spans() const {
    const std::lock_guard lock(mutex_);
    return spans_;
  }

 private:
  const double ratio_;
  mutable std::mutex mutex_;
  std::vector<traces::Span> spans_;  // guarded by mutex_
};

}  // namespace modelrun::fakes
