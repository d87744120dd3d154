// A sink of events in memory, which answers as a test says.
#pragma once

#include <functional>
#include <mutex>
#include <string>
#include <vector>

#include "cloudevents/sink.h"

namespace modelrun::fakes {

// Thread-safe.
class FakeSink final : public cloudevents::Sink {
 public:
  using Answer = std::function<Result<kube::Response>(const cloudevents::Event&)>;

  Result<kube::Response> send(const cloudevents::Event& event, std::stop_token) override {
    Answer answer;
    {
      const std::lock_guard lock(mutex_);
      events_.push_back(event);
      answer = answer_;
    }
    return answer(event);
  }
  // The answer to each event from now on.
  void answer(Answer answer) {
    const std::lock_guard lock(mutex_);
    answer_ = std::move(answer);
  }
  void answer(int status, std::optional<std::chrono::seconds> retry_after = {}) {
    answer([=](const auto&) { return kube::Response{status, "what a receiver says", retry_after}; });
  }
  // All that were sent, those that were not taken among them.
  [[nodiscard]] std::vector<cloudevents::Event> events() const {
    const std::lock_guard lock(mutex_);
    return events_;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<cloudevents::Event> events_;  // guarded by mutex_
  Answer answer_ = [](const auto&) { return kube::Response{204, "", {}}; };
};

}  // namespace modelrun::fakes
