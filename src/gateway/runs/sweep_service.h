// Everything that the tools ask of Kubernetes about sweeps, as an interface. Each method acts for one caller, by the
// same rules as RunService: what the caller may not see is kNotFound, just as if it did not exist; what the caller may
// see but not do is kDenied.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "api/model_sweep.h"
#include "base/error.h"
#include "gateway/auth/identity.h"
#include "gateway/runs/run_summary.h"
#include "gateway/runs/sweep_page.h"
#include "gateway/runs/sweep_summary.h"
#include "sweep/table.h"

namespace modelrun::gateway {

struct NewSweep {
  ProjectRef project;
  std::string model;                           // empty: the whole project
  std::string branch;                          // empty: the project's default
  std::string commit;                          // empty: the newest of the branch
  std::optional<nlohmann::json> parameters{};  // an object: what every point starts from
  nlohmann::json space;                        // as spec.space of a ModelSweep
  std::vector<std::string> outputs{};          // which stand in the table; empty: all numbers and booleans
  // nullopt: the defaults of the ModelSweep.
  std::optional<std::int64_t> parallelism{}, timeout_seconds{}, max_failed_points{};
  std::string idempotency_key{};  // empty: none
  std::string traceparent{};      // W3C Trace Context, stored as an annotation of the sweep; empty: none
};

// A sweep that was asked for.
struct StartedSweep {
  SweepSummary sweep;
  bool created = false;  // false: an earlier request with the same idempotency key created it
};

using SweepPtr = std::shared_ptr<const api::ModelSweep>;
using TablePtr = std::shared_ptr<const sweep::Table>;

// True if the sweep has a table, or goes on.
inline bool has_rows(const api::ModelSweep& sweep) {
  return sweep.status.table_ref || !api::is_final(sweep.status.phase);
}

// Thread-safe. notify() does not block. All other methods do; once `stop` fires they return kCancelled within
// milliseconds. Besides the errors named below they fail as RunService says for its methods.
class SweepService {
 public:
  virtual ~SweepService() = default;

  // Creates a sweep. If the caller has used the idempotency key in this namespace before, returns the sweep of that
  // request. kNotFound: no such project. kDenied: the caller may not create sweeps. kInvalid: the space or the outputs
  // are not as a sweep takes them, the message names the field as in spec.space; or the key was used with another
  // request. kTooLarge: more points or bytes than a sweep may have. kThrottled: see kMaxSweepsBytes. After kTimeout or
  // kUnavailable the sweep may have been created all the same.
  virtual Result<StartedSweep> start(const Identity& caller, const NewSweep& wanted, std::stop_token stop) = 0;
  // As RunService::notify(), for a sweep.
  virtual void notify(const SweepKey& key, std::uint64_t seen, std::chrono::milliseconds span,
                      const std::stop_token& stop, std::function<void()> wake) = 0;
  // As RunService::pause().
  virtual void pause(std::chrono::milliseconds span, const std::stop_token& stop, std::function<void()> wake) = 0;
  // As RunService::refresh_summary(), for a sweep.
  virtual Result<SweepSummary> refresh_summary(const Identity& caller, const SweepKey& key, bool live,
                                               std::stop_token stop) = 0;
  // As RunService::find_summary(), for a sweep_id.
  virtual Result<SweepSummary> find_summary(const Identity& caller, std::string_view sweep_id,
                                            std::stop_token stop) = 0;
  // The whole object, from the API server. kNotFound: it is gone.
  virtual Result<SweepPtr> read_sweep(const Identity& caller, const SweepKey& key, std::stop_token stop) = 0;
  // The table of a sweep; it may come from memory. Of a sweep that goes on, these are the rows
  // of the points that have ended (RowsSoFar). It counts against kMaxSweepsBytes until the last copy of the pointer is
  // gone, which must not be after this object. REQUIRES: has_rows(sweep). kInvalid: size or digest are not those of
  // status.tableRef. kNotFound: a part of it is gone. kThrottled: see kMaxSweepsBytes.
  virtual Result<TablePtr> table(const Identity& caller, const api::ModelSweep& sweep, std::stop_token stop) = 0;
  // A page of the sweeps of a project that the watch shows, newest first. kNotFound: no such project. kUnavailable: the
  // watch has not yet shown what there is.
  virtual Result<SweepPage> list(const Identity& caller, const ProjectRef& project, const SweepQuery& query,
                                 std::stop_token stop) = 0;
  // Asks the controller to end a sweep, and returns it as it is at that moment; it ends some seconds later. One that is
  // over already is returned unchanged, and that is not an error: look at its phase. kNotFound, kDenied.
  virtual Result<SweepSummary> cancel(const Identity& caller, const SweepKey& key, std::stop_token stop) = 0;
};

// Bytes in memory that all callers together may hold of tables that are read, and of sweeps that are being started; one
// caller has half of it, which is enough for any one table.
inline constexpr std::size_t kMaxSweepsBytes = 2 * sweep::kMaxTableMemory;

}  // namespace modelrun::gateway
