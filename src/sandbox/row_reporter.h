// Brings the rows of a run's points to the run server while the points go on (api/points.h: P/rows).
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "api/points.h"
#include "base/error.h"
#include "base/mutex.h"
#include "sandbox/io.h"
#include "sandbox/point_flow.h"

namespace modelrun::sandbox {

// The rows of an attempt that are not known to be stored, numbered from 0 in the order of add(). Not thread-safe.
class UnstoredRows {
 public:
  void add(std::string row);
  // False when there are kMaxUnstoredRows or kMaxUnstoredBytes.
  [[nodiscard]] bool has_room() const;
  [[nodiscard]] bool empty() const { return rows_.empty(); }
  [[nodiscard]] bool has_unsent() const { return sent_ < end(); }
  // The rows that the run server does not have, from the first on, in at most kMaxReportBytes. `last`: no more rows
  // will come; the report says so if it has the rest of them.
  [[nodiscard]] api::RowReport report(bool last) const;
  // The run server's answer: forgets what is stored, and goes on with what it does not hold. Returns true if more rows
  // are held or stored than before. Numbers that the rows do not have are taken for the nearest that they have.
  bool take(const api::RowReceipt& receipt);
  // The number of the first row that is here.
  [[nodiscard]] std::int64_t first() const { return first_; }
  // Gives the rows away. Call it once, as the last.
  std::vector<std::string> release();

 private:
  [[nodiscard]] std::int64_t end() const { return first_ + static_cast<std::int64_t>(rows_.size()); }

  std::deque<std::string> rows_;
  std::size_t bytes_ = 0;
  std::int64_t first_ = 0;
  std::int64_t sent_ = 0;  // the number of the first row that the run server does not hold
};

// Reports from a thread of its own, which is made before the model can run (background.h says why) and has nothing to
// do until the first row. Tries again without end after transient failures. Gives up for good when the run server
// refuses the rows; if it says that the attempt is over (409), over() is raised. Thread-safe.
class RowReporter : public RowSink {
 public:
  // Sends one report; fails with kCancelled when `stop` becomes readable. Called by one thread.
  using Send = std::function<Result<api::RowReceipt>(const api::RowReport& report, int stop)>;
  explicit RowReporter(Send send);
  // Interrupts a report that is under way and joins the thread.
  ~RowReporter() override;
  RowReporter(const RowReporter&) = delete;
  RowReporter& operator=(const RowReporter&) = delete;

  // False when the process had no descriptors left: nothing will be reported.
  [[nodiscard]] bool valid() const;
  void add(std::string row) override;
  [[nodiscard]] bool has_room() const override;
  [[nodiscard]] bool refused() const override;
  [[nodiscard]] const Wakeup& changed() const override { return changed_; }
  [[nodiscard]] const Event& over() const override { return over_; }

  struct Left {
    std::vector<std::string> rows;  // that are not known to be stored
    std::int64_t first = 0;         // the number of the first of them
    std::string refusal;            // why the run server takes no rows; empty if it does
  };
  // No more rows will come: waits until all are stored, at most `limit`, and at most `hurried` from when `hurry` is
  // readable (-1: never). Then stops the thread. Call it once.
  Left finish(std::chrono::milliseconds limit, int hurry, std::chrono::milliseconds hurried);

 private:
  void run();
  [[nodiscard]] std::optional<api::RowReport> next_report() const;
  bool take(const api::RowReceipt& receipt);
  void give_up(const Error& error);
  void pause(std::chrono::milliseconds time, bool unless_finishing) const;

  const Send send_;
  Event stop_;
  Event finishing_;
  Event done_;  // finishing, and nothing is left to do
  Event over_;
  Wakeup work_;
  Wakeup changed_;
  mutable Mutex mutex_;
  UnstoredRows rows_ GUARDED_BY(mutex_);
  std::string refusal_ GUARDED_BY(mutex_);
  std::thread thread_;  // declared last because the thread uses the members above
};

}  // namespace modelrun::sandbox
