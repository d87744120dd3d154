// Leader election on a coordination.k8s.io Lease, with the rules of client-go's leaderelection.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <optional>
#include <random>
#include <stop_token>
#include <string>

#include "base/clock.h"
#include "kube/client.h"
#include "runtime/metrics.h"
#include "runtime/steady_clock.h"

namespace modelrun::runtime {

struct LeaderOptions {
  std::string namespace_{};
  std::string lease{};                               // the Lease's name
  std::string identity{};                            // unlike that of any other process that may be alive
  std::chrono::milliseconds lease_duration{15'000};  // others may take over after this long without a renewal
  std::chrono::milliseconds renew_deadline{10'000};  // the leader gives up by itself after this long without one
  std::chrono::milliseconds retry_period{2'000};     // between tries, with up to 20% of jitter
  bool release_on_stop = true;                       // let the next one begin at once
  std::uint64_t seed = std::random_device{}();
};

struct LeaderCallbacks {
  // Both are called on the election's thread and must return soon.
  std::function<void()> started_leading;
  // Leadership is lost or about to be given back: on return nothing that needs it may go on.
  std::function<void()> stopped_leading;
};

// A convenience that keeps two operators from doing the same work, never a lock: writes carry their own preconditions.
// Another's lease is judged by the time since *we* saw it change, by our own monotonic clock, so clocks may differ.
// Client, clocks and metrics are not owned and must outlive it.
class LeaderElector {
 public:
  LeaderElector(kube::Client& client, LeaderOptions options, LeaderCallbacks callbacks, const Clock& wall,
                SteadyClock& clock, Metrics* metrics = nullptr);

  // Competes, leads and competes again until `stop` is requested; then releases the lease. Blocks.
  void run(std::stop_token stop);

  // Thread-safe. False also when the renew deadline has passed unnoticed, e.g. because the process was stopped.
  [[nodiscard]] bool is_leader() const;
  // Thread-safe: who holds the lease, as far as we have seen.
  [[nodiscard]] std::string leader() const;

 private:
  // One try. True: we hold the lease now.
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

  // Of the election's thread.
  std::optional<kube::Json> observed_;
  std::string observed_version_;
  SteadyClock::Point observed_at_{};

  std::atomic<SteadyClock::Span::rep> leads_until_{0};  // steady time; 0: does not lead
  mutable std::mutex mutex_;
  std::string holder_;  // guarded by mutex_
};

}  // namespace modelrun::runtime
