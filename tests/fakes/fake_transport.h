// A Transport that gives scripted answers and records the requests. For a server with state see fake_api_server.h.
//
// Usage:
//   FakeTransport transport;
//   transport.answer(200, R"({"items": []})");  // for the first request
//   transport.fail(ErrorKind::kTimeout, "");    // for the second
#pragma once

#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "kube/transport.h"

namespace modelrun::fakes {

// Thread-safe. Each request takes the next queued answer, whatever it asks for; it fails with kUnavailable when no
// answer is left.
class FakeTransport final : public kube::Transport {
 public:
  // Makes an answer. Called on the thread of the request, without a lock. `on_data` is empty for send().
  using Script = std::function<Result<kube::Response>(const kube::Request&, const kube::OnData&, std::stop_token)>;

  // Queues an answer with this status and body. stream() passes the body of a 2xx to `on_data` in one piece.
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
  // Queues an error: there is no answer.
  void fail(ErrorKind kind, std::string message) {
    push([kind, message = std::move(message)](const kube::Request&, const kube::OnData&,
                                              std::stop_token) -> Result<kube::Response> {
      return std::unexpected(Error{kind, message});
    });
  }
  // Queues a stream of these pieces that then ends normally, or fails with `end`. Only for stream(), not for send().
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
  // Queues a custom answer.
  void push(Script script) {
    const std::lock_guard lock(mutex_);
    scripts_.push_back(std::move(script));
  }

  // Returns all requests so far, in their order.
  [[nodiscard]] std::vector<kube::Request> requests() const {
    const std::lock_guard lock(mutex_);
    return requests_;
  }
  // Returns the number of queued answers that have not been used.
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
