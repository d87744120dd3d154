// The agent's side of the points of a run (api/points.h): which point is next, and what becomes of one that has ended.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "api/points.h"
#include "api/sandbox.h"
#include "sandbox/io.h"
#include "sandbox/layout.h"

namespace modelrun::sandbox {

// Takes the rows of points that have ended. Thread-safe.
class RowSink {
 public:
  virtual ~RowSink() = default;
  // `row`: encode_row().
  virtual void add(std::string row) = 0;
  // False while so many rows are not stored that no further point is to begin.
  [[nodiscard]] virtual bool has_room() const = 0;
  // True when rows are not taken any more: no further point is to begin.
  [[nodiscard]] virtual bool refused() const = 0;
  // Notified when has_room() or refused() has changed.
  [[nodiscard]] virtual const Wakeup& changed() const = 0;
  // Raised when the attempt is over: nobody will use what the model still computes.
  [[nodiscard]] virtual const Event& over() const = 0;
};

// Use it from one thread only.
class PointFlow {
 public:
  // Keeps the references, which must outlive this object. Of the layout the directories /inputs and /outputs are used.
  PointFlow(const Layout& layout, const api::PointList& list, RowSink& rows)
      : layout_(layout), list_(list), rows_(rows) {}

  // True while the next point has to wait for rows() to have room.
  [[nodiscard]] bool must_wait() const { return !rows_.refused() && !rows_.has_room(); }
  [[nodiscard]] RowSink& rows() const { return rows_; }

  // Begins the next point that has no row: writes its parameters.json. Returns the payload of kPoint; nullopt when
  // there is none or none is to begin, because too many have failed or rows are refused. Fails as
  // write_file_atomically() does. REQUIRES: no point is under way.
  Result<std::optional<std::string>> begin_next();
  // The point that is under way.
  [[nodiscard]] std::optional<std::int64_t> current() const { return current_; }
  // It has written this to its stderr.
  void take_stderr(std::string_view bytes);
  // It has ended: collects what it left and hands over its row. REQUIRES: one is under way.
  void end(const api::ExitRecord& exit);

 private:
  [[nodiscard]] bool too_many_failed() const;

  const Layout& layout_;
  const api::PointList& list_;
  RowSink& rows_;
  std::int64_t next_ = 0;       // no point before it is left
  std::size_t next_range_ = 0;  // of list_.done: the first that does not end before next_
  std::int64_t failed_ = 0;     // in this attempt
  std::optional<std::int64_t> current_;
  std::string err_;  // the end of its stderr
};

}  // namespace modelrun::sandbox
