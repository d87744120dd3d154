// A Transport that answers from a script and remembers what it was asked.
#pragma once

#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "kube/transport.h"

namespace modelrun::fakes {

// Thread-safe. Answers are used in the order in which they were queued; without one the answer is kUnavailable.
class FakeTransport final : public kube::Transport {
 public:
  using Script = std::function<Result<kube::Response>(const kube::Request&, const kube::OnData&, std::stop_token)>;

  void answer(int status, std::string body) {
    push([status, body = std::move(body)](const kube::Request&, const kube::OnData& on_data,
                                          std::stop_token) -> Result<kube::Response> {
      if (on_data && status / 100 == 2) {
        on_data(body);
        return kube::Response{status, "", {}};
      }
      return kube::Response{status, body, {}};
    });
  }
  void fail(ErrorKind kind, std::string message) {
    push([kind, message = std::move(message)](const kube::Request&, const kube::OnData&,
                                              std::stop_token) -> Result<kube::Response> {
      return std::unexpected(Error{kind, message});
    });
  }
  // A stream of these pieces, which then ends, or fails with `end`.
  void answer_chunks(std::vector<std::string> chunks, std::optional<Error> end = {}) {
    push([chunks = std::move(chunks), end](const kube::Request&, const kube::OnData& on_data,
                                           std::stop_token) -> Result<kube::Response> {
      for (const auto& chunk : chunks) {
        if (!on_data(chunk)) return kube::Response{200, "", {}};
      }
      if (end) return std::unexpected(*end);
      return kube::Response{200, "", {}};
    });
  }
  void push(Script script) {
    const std::lock_guard lock(mutex_);
    scripts_.push_back(std::move(script));
  }

  [[nodiscard]] std::vector<kube::Request> requests() const {
    const std::lock_guard lock(mutex_);
    return requests_;
  }
  [[nodiscard]] std::size_t left() const {
    const std::lock_guard lock(mutex_);
    return scripts_.size();
  }

  Result<kube::Response> send(const kube::Request& request, std::stop_token stop) override {
    return next(request)(request, {}, stop);
  }
  Result<kube::Response> stream(const kube::Request& request, std::chrono::milliseconds, const kube::OnData& on_data,
                                std::stop_token stop) override {
    return next(request)(request, on_data, stop);
  }

 private:
  Script next(const kube::Request& request) {
    const std::lock_guard lock(mutex_);
    requests_.push_back(request);
    if (scripts_.empty()) {
      return [](const kube::Request&, const kube::OnData&, std::stop_token) -> Result<kube::Response> {
        return fail_unscripted();
      };
    }
    auto script = std::move(scripts_.front());
    scripts_.pop_front();
    return script;
  }
  static Result<kube::Response> fail_unscripted() {
    return std::unexpected(Error{ErrorKind::kUnavailable, "no answer scripted"});
  }

  mutable std::mutex mutex_;
  std::deque<Script> scripts_;           // guarded by mutex_
  std::vector<kube::Request> requests_;  // guarded by mutex_
};

}  // namespace modelrun::fakes
