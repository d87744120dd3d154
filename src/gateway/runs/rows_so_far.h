// The rows of a sweep that goes on: those of its points that have ended, read from the ConfigMaps of its runs. The
// operator makes the table from the same rows when the sweep is over.
#pragma once

#include <cstddef>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "api/model_sweep.h"
#include "base/byte_lru.h"
#include "base/error.h"
#include "base/mutex.h"
#include "kube/client.h"
#include "sweep/outputs.h"
#include "sweep/table.h"

namespace modelrun::gateway {

// Thread-safe. The client must outlive it.
//
// The rows of runs that have ended are kept in memory, about 16 MiB of them, so that who looks again and again at a
// sweep of a hundred runs costs the API server only those that are active.
class RowsSoFar {
 public:
  explicit RowsSoFar(kube::Client& client) : client_(client) {}

  // A table without the rows that are not there yet: of the runs in sweep.status.runs, in the order of the points.
  // Blocks: two requests or more for each run. `admit` is asked with what is held in all before more is read. A run
  // that is gone, that the sweep does not own, or that has other points than the sweep gives it has no rows here; nor
  // has one whose rows cannot be read: the sweep's end says why. Fails as `admit`, as sweep::points_of() and, but for
  // kNotFound, as Client::get.
  Result<sweep::Table> read(const api::ModelSweep& sweep, const sweep::AdmitTable& admit, const std::stop_token& stop);

 private:
  static constexpr std::size_t kKeptRows = std::size_t{16} << 20U;

  struct Taken {
    sweep::Row row;
    sweep::PointOutputs outputs;
    [[nodiscard]] std::size_t bytes() const;
  };
  struct OfRun {
    std::vector<Taken> rows;
    std::size_t bytes = 0;
    bool ended = false;  // there will be no more
  };
  using OfRunPtr = std::shared_ptr<const OfRun>;
  class Reading;

  OfRunPtr kept(const std::string& key);

  kube::Client& client_;
  Mutex mutex_;
  ByteLru<OfRunPtr> kept_ GUARDED_BY(mutex_){kKeptRows, kKeptRows / 2};  // by the sweep's UID and the run's name
};

}  // namespace modelrun::gateway
