// The rows of runs with points (api/points.h) between the pod that reports them and the ConfigMaps that they go to, and
// what this process knows of those that are there.
//
// All of it is lost when the process ends, and nothing depends on it: an agent keeps a row until it is stored, and what
// is stored is read again.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "api/points.h"
#include "base/byte_budget.h"
#include "base/error.h"
#include "base/mutex.h"
#include "controller/run/observed.h"
#include "runtime/steady_clock.h"

namespace modelrun::controller {

// The rows that all runs together may have waiting, and those of one namespace, in bytes.
inline constexpr std::size_t kWaitingRowBytes = 16U << 20U;
inline constexpr std::size_t kWaitingRowShare = 4U << 20U;

// Thread-safe; no function blocks. Runs are named by their UID. Callbacks are called without a lock held, on the thread
// that answers, so they must not block.
class PointRows {
 public:
  explicit PointRows(const runtime::SteadyClock& clock) : clock_(clock) {}

  using Calls = std::vector<std::function<void()>>;
  using ListFn = std::function<void(Result<std::string>)>;  // encode_points()
  using ReceiptFn = std::function<void(Result<api::RowReceipt>)>;

  // For RunGate, which has checked that the pod executes the attempt.

  // Keeps the request until take_request() or forget().
  void ask(const std::string& uid, int attempt, ListFn done);
  // Takes the rows in. `done` is called at once, but for the last report: then when all rows are stored. Fails with
  // kUnavailable while it is not known what is stored, and when there is no room; with kInvalid for what is no row of
  // the run; with kConflict when the attempt is not the current one. True if the run is to be reconciled: rows
  // wait that did not before, or enough of them to be stored.
  bool add(const std::string& uid, const std::string& namespace_, int attempt, const api::RowReport& report,
           const ReceiptFn& done);

  // For the reconciler.

  // What is in the ConfigMaps of a run. `done`: for each point, whether it has a row.
  struct Stored {
    std::vector<bool> done;
    StoredRows rows;
    std::string last_uid;  // of the last ConfigMap, and its version; empty: there is none
    std::uint64_t last_version = 0;
  };
  // Notes what is stored, and which attempt is the current one. Rows of it that wait stay.
  void set_stored(const std::string& uid, int attempt, Stored stored);
  [[nodiscard]] bool is_known(const std::string& uid, int attempt) const;
  // Call when a write has found the ConfigMaps other than they were known to be: they have to be read again.
  void set_unknown(const std::string& uid);
  // The ConfigMap that the last rows are in; empty: there is none, or nothing is known.
  struct LastMap {
    std::string name, uid;
    std::uint64_t version = 0;
  };
  [[nodiscard]] LastMap last_map(const std::string& uid) const;
  // Empty if nothing is known.
  [[nodiscard]] std::optional<PointsView> read(const std::string& uid) const;
  // Notes that the rows from `first` on are in the ConfigMap `map`, which has this UID and version now, and takes
  // `bytes` more. Answers the requests that waited for that.
  void note_stored(const std::string& uid, int attempt, std::int64_t first, const std::vector<std::string>& rows,
                   const std::string& map, const std::string& map_uid, std::uint64_t map_version, std::size_t bytes);
  // Takes the request for the points out; null if there is none.
  [[nodiscard]] ListFn take_request(const std::string& uid, int attempt);
  // Everything of a PointList but the time-out, the bound and the points themselves. REQUIRES: is_known().
  [[nodiscard]] api::PointList list_of(const std::string& uid) const;
  // Call when the run has ended or is gone. Requests that wait get kConflict.
  void forget(const std::string& uid);
  // Call when the term ends. Requests that wait, and those to come, get kUnavailable.
  void close();

 private:
  struct Entry;
  // Null if a later attempt has begun. `calls`: answers to the requests of an earlier one.
  Entry* entry_locked(const std::string& uid, int attempt, Calls& calls) REQUIRES(mutex_);

  const runtime::SteadyClock& clock_;
  ByteBudget bytes_{kWaitingRowBytes, kWaitingRowShare};
  mutable Mutex mutex_;
  bool closed_ GUARDED_BY(mutex_) = false;
  std::map<std::string, std::shared_ptr<Entry>> entries_ GUARDED_BY(mutex_);
};

}  // namespace modelrun::controller
