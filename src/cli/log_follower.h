// Prints the log of a run's model container in the background, while another thread watches the run.
#pragma once

#include <atomic>
#include <chrono>
#include <optional>
#include <string>
#include <thread>

#include "base/mutex.h"
#include "cli/session.h"

namespace modelrun::cli {

// Which part of a pod's log is shown, and how.
struct LogView {
  std::int64_t tail = -1;               // only so many lines at its end, and with follow() what comes after; -1: all
  std::optional<std::int64_t> since{};  // only what was printed in the last so many seconds
  bool timestamps = false;              // each line with its time in front

  [[nodiscard]] kube::LogOptions options(bool follow) const;
};

// Owns one thread, which prints the log of one pod at a time. Call its functions from one thread only. Keeps a
// reference to `session`, which must outlive it. The log goes to standard output, or to standard error with `to_err`.
//
//   LogFollower follower(session, false, {});
//   follower.follow(pod_name);  // whenever the watched run is Running in a pod
//   ...                         // the run has ended
//   const auto outcome = follower.finish(grace);
//
// Destroying it without finish() stops the printing at once.
class LogFollower {
 public:
  LogFollower(Session& session, bool to_err, const LogView& view) : session_(session), to_err_(to_err), view_(view) {}

  // Starts to print the log of `pod`, from its beginning or from where the LogView says, and returns. If its model
  // container has not started, the printing begins when it has. Does nothing when `pod` is the pod that was followed
  // last. A different pod means another attempt of the run: printing the earlier pod's log is stopped first, even where
  // it is not complete.
  void follow(const std::string& pod);

  struct Ending {
    bool printed = false;  // something was printed, of any pod
    // Why the log of the pod that was followed last is incomplete; nullopt: it is complete. kNotFound when follow() was
    // never called, kCancelled when the log had not ended in time or the session was stopped, else the error of the
    // request for the log. That an earlier pod's log was cut off is not reported.
    std::optional<Error> error;
  };
  // Waits until the log ends, `grace` has passed, or the session is stopped, then stops printing. A log that had not
  // ended by then is reported as incomplete (kCancelled). The wait is needed because the final status of a run can
  // arrive a second or two before the kubelet ends the log. Call it once, after the last follow().
  Ending finish(std::chrono::milliseconds grace);

 private:
  void print(const std::string& pod, const std::stop_token& stop);
  Result<void> wait_for_container(const std::string& pod, const std::stop_token& stop);

  Session& session_;
  bool to_err_;
  LogView view_;
  std::string pod_;
  std::atomic<bool> printed_ = false;
  Mutex mutex_;
  CondVar changed_;
  bool ended_ GUARDED_BY(mutex_) = false;
  std::optional<Error> error_ GUARDED_BY(mutex_);
  std::jthread thread_;  // declared last, so that it is joined before the members it uses are destroyed
};

}  // namespace modelrun::cli
