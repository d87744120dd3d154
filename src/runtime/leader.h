// Leader election on a coordination.k8s.io Lease, by the rules of client-go's leaderelection package
// (k8s.io/client-go/tools/leaderelection).
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <optional>
#include <random>
#include <stop_token>
#include <string>

#include "base/clock.h"
#include "base/mutex.h"
#include "kube/client.h"
#include "runtime/metrics.h"
#include "runtime/steady_clock.h"

namespace modelrun::runtime {

struct LeaderOptions {
  std::string namespace_{};
  std::string lease{};                               // the Lease's name
  std::string identity{};                            // must differ from that of any other process that may run
  std::chrono::milliseconds lease_duration{15'000};  // others may take over after this long without a renewal
  std::chrono::milliseconds renew_deadline{10'000};  // the leader gives up after this long without a renewal
  std::chrono::milliseconds retry_period{2'000};     // between two tries, plus up to 20% of jitter
  bool release_on_stop = true;                       // give the lease back, so that another can lead at once
  std::uint64_t seed = std::random_device{}();
};

struct LeaderCallbacks {
  // Both are called on the thread that runs run(). No renewal happens during a call, so it must return soon.
  std::function<void()> started_leading;
  // Called when leadership is lost, or before the lease is given back. When it returns, all work that needs
  // leadership must have ended. is_leader() is false already.
  std::function<void()> stopped_leading;
};

// Keeps two operators from doing the same work. It is not a lock: two processes may believe that they lead, and
// writes must carry their own preconditions. Whether the lease of another holder has expired is judged by the local
// monotonic clock, from the moment at which this process saw the lease change, so the wall clocks of the processes
// may differ. Keeps references to client, clocks and metrics, which must outlive it; `metrics` may be null.
class LeaderElector {
 public:
  LeaderElector(kube::Client& client, LeaderOptions options, LeaderCallbacks callbacks, const Clock& wall,
                SteadyClock& clock, Metrics* metrics = nullptr);

  // Competes for the lease, leads while it holds it, and competes again, until `stop` is requested. Blocks. A leader
  // then calls stopped_leading and releases the lease (see LeaderOptions::release_on_stop). Errors of the API are not
  // returned; they are logged at debug level and the try is repeated after `retry_period`.
  void run(std::stop_token stop);

  // Thread-safe. False also when the renew deadline has passed and run() has not noticed yet, for example because the
  // process was suspended.
  [[nodiscard]] bool is_leader() const;
  // Thread-safe. The identity of the holder when the lease was last read or written; empty if it has none.
  [[nodiscard]] std::string leader() const;

 private:
  // Makes one try. Returns true when this process holds the lease now.
  bool try_acquire_or_renew(std::stop_token stop);
  [[nodiscard]] kube::Client timed_client(SteadyClock::Point now) const;
  Result<kube::Json> write(kube::Client client, std::optional<kube::Json> current, std::stop_token stop);
  void observe(const kube::Json& lease);
  [[nodiscard]] bool held_by_other() const;
  void lead(std::stop_token stop);
  void release();
  bool pause(std::stop_token stop);

  kube::Client& client_;
  const LeaderOptions options_;
  const LeaderCallbacks callbacks_;
  const Clock& wall_;
  SteadyClock& clock_;
  Metrics* const metrics_;
  std::minstd_rand random_;

  // Used by the thread of run() only.
  std::optional<kube::Json> observed_;  // nullopt: must be read before the next write
  std::string observed_version_;        // its resourceVersion
  SteadyClock::Point observed_at_{};    // when that resourceVersion was first seen

  std::atomic<SteadyClock::Span::rep> leads_until_{0};  // a time of clock_; 0: does not lead
  mutable Mutex mutex_;
  std::string holder_ GUARDED_BY(mutex_);
};

}  // namespace modelrun::runtime
