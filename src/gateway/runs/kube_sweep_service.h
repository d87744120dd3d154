// The SweepService over Kubernetes. It works with the gateway's own credentials and therefore asks Access (in
// production: Kubernetes RBAC) before each step whether the caller may do it.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "base/byte_budget.h"
#include "base/byte_lru.h"
#include "base/mutex.h"
#include "gateway/runs/rows_so_far.h"
#include "gateway/runs/summary_cache.h"
#include "gateway/runs/sweep_service.h"
#include "gateway/runs/watched_objects.h"
#include "kube/client.h"

namespace modelrun::gateway {

// Thread-safe. The client, the cache and the access check must outlive it. Somebody else must feed the cache
// (SweepCache::sink()); this class only adds the answers to its own reads and writes.
//
// Tables that were read are kept in memory, about 32 MiB of them, by their digests, so that the pages of one table are
// not read from the API server and unpacked again and again. A table that takes more than half of that is not kept.
// What callers use at this moment is counted besides, once for each table, whether it is kept or not.
class KubeSweepService final : public SweepService {
 public:
  KubeSweepService(kube::Client& client, SweepCache& cache, Access& access)
      : client_(client),
        cache_(cache),
        sweeps_(client, access, cache, kube::kModelSweeps, kSweepIds, &api::decode_model_sweep),
        rows_so_far_(client) {}

  Result<StartedSweep> start(const Identity& caller, const NewSweep& wanted, std::stop_token stop) override;
  void notify(const SweepKey& key, std::uint64_t seen, std::chrono::milliseconds span, const std::stop_token& stop,
              std::function<void()> wake) override;
  void pause(std::chrono::milliseconds span, const std::stop_token& stop, std::function<void()> wake) override;
  Result<SweepSummary> refresh_summary(const Identity& caller, const SweepKey& key, bool live,
                                       std::stop_token stop) override;
  Result<SweepSummary> find_summary(const Identity& caller, std::string_view sweep_id, std::stop_token stop) override;
  Result<SweepPtr> read_sweep(const Identity& caller, const SweepKey& key, std::stop_token stop) override;
  Result<TablePtr> table(const Identity& caller, const api::ModelSweep& sweep, std::stop_token stop) override;
  Result<SweepPage> list(const Identity& caller, const ProjectRef& project, const SweepQuery& query,
                         std::stop_token stop) override;
  Result<SweepSummary> cancel(const Identity& caller, const SweepKey& key, std::stop_token stop) override;

 private:
  static constexpr std::size_t kKeptTables = std::size_t{32} << 20U;

  struct KeptTable {
    TablePtr table;
    std::weak_ptr<const sweep::Table> lent;  // the same, with the bytes that it counts for; null: nobody uses it
  };

  kube::Client& client_;
  SweepCache& cache_;
  const WatchedObjects<SweepCache> sweeps_;
  RowsSoFar rows_so_far_;
  ByteBudget held_{kMaxSweepsBytes, kMaxSweepsBytes / 2};
  Mutex mutex_;
  ByteLru<KeptTable> tables_ GUARDED_BY(mutex_){kKeptTables, kKeptTables / 2};  // by digest, or UID and version
};

}  // namespace modelrun::gateway
