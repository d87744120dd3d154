// The log of a run's model, printed while the run is watched.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "cli/session.h"

namespace modelrun::cli {

// Owns one thread a pod. Used from one thread; the session must outlive it.
class LogFollower {
 public:
  LogFollower(Session& session, bool to_err) : session_(session), to_err_(to_err) {}

  // Does nothing for the pod that is followed already. Another pod is another attempt: the first one's log ends.
  void follow(const std::string& pod);

  struct Outcome {
    bool printed = false;        // anything at all
    std::optional<Error> error;  // why it is not whole; kNotFound when no pod was ever followed
  };
  // Waits for the log's end, at most `grace` long: the kubelet sees the end of a container a second or two after us.
  Outcome finish(std::chrono::milliseconds grace);

 private:
  void print(const std::string& pod, const std::stop_token& stop);
  Result<void> wait_for_container(const std::string& pod, const std::stop_token& stop);

  Session& session_;
  bool to_err_;
  std::string pod_;
  std::atomic<bool> printed_ = false;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  bool ended_ = false;          // guarded by mutex_
  std::optional<Error> error_;  // guarded by mutex_
  std::jthread thread_;         // last: stopped and joined first
};

}  // namespace modelrun::cli
