#include "gateway/runs/rows_so_far.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <utility>

#include "kube/point_rows.h"
#include "sweep/rows.h"
#include "sweep/sweep_points.h"

namespace modelrun::gateway {

std::size_t RowsSoFar::Taken::bytes() const {
  // The cells of the table are as many strings again.
  std::size_t bytes = sizeof(Taken) + row.reason.size() + row.message.size() + row.run.size();
  for (const auto& output : outputs.outputs) {
    bytes += sizeof(output) + sizeof(std::string) + output.name.size() + output.value.size();
  }
  return bytes;
}

RowsSoFar::OfRunPtr RowsSoFar::kept(const std::string& key) {
  const MutexLock lock(mutex_);
  const auto* found = kept_.find(key);
  return found == nullptr ? nullptr : found->value;
}

// Bytes of points and rows. With the table that is made of them it is less than one caller may hold.
constexpr std::size_t kMostHeld = sweep::kMaxTableMemory / 2;

// One call of read().
class RowsSoFar::Reading {
 public:
  Reading(RowsSoFar& all, const api::ModelSweep& sweep, const sweep::AdmitTable& admit, const std::stop_token& stop)
      : all_(all), sweep_(sweep), admit_(admit), stop_(stop) {}

  Result<sweep::Table> table() {
    const auto admit_points = [this](const sweep::Space& space) { return hold(sweep::memory_of_points(space)); };
    auto space = sweep::points_of(sweep_.spec, admit_points);
    RETURN_IF_ERROR(space);
    points_ = std::move(space->points);
    std::vector<OfRunPtr> runs;
    for (const auto& run : sweep_.status.runs) {
      auto of_run = rows_of(run);
      RETURN_IF_ERROR(of_run);
      runs.push_back(std::move(*of_run));
    }
    return put_together(runs);
  }

 private:
  Result<void> hold(std::size_t more) {
    held_ += more;
    return admit_(held_);
  }

  Result<OfRunPtr> rows_of(const api::SweepRunStatus& part) {
    const auto key = fmt::format("{}/{}", sweep_.meta.uid, part.name);
    // A run that the sweep has made again under this name, as somebody had deleted it, is under way.
    if (auto kept = api::is_final(part.phase) ? all_.kept(key) : nullptr) {
      RETURN_IF_ERROR(hold(kept->bytes));
      return kept;
    }
    auto read = read_run(part);
    RETURN_IF_ERROR(read);
    auto of_run = std::make_shared<const OfRun>(std::move(*read));
    if (of_run->ended) {
      const MutexLock lock(all_.mutex_);
      all_.kept_.put(key, of_run, of_run->bytes + sizeof(OfRun));
    }
    return of_run;
  }

  // Whoever may create runs can have made one with the sweep's owner reference.
  [[nodiscard]] bool is_of_sweep(const api::ModelRun& run, const api::SweepRunStatus& part) const {
    const auto points = points_.points.size();
    if (part.first < 0 || part.count < 0 || std::cmp_greater(part.first, points) ||
        std::cmp_greater(part.count, points - static_cast<std::size_t>(part.first))) {
      return false;
    }
    return api::is_owned_by(run.meta, sweep_.meta) && run.spec.points &&
           run.spec.points->digest() == sweep::points_digest(points_, static_cast<std::size_t>(part.first),
                                                             static_cast<std::size_t>(part.count));
  }

  Result<OfRun> read_run(const api::SweepRunStatus& part) {
    const auto answer = all_.client_.get_answer(kube::kModelRuns, sweep_.meta.namespace_, part.name, stop_);
    if (!answer && answer.error().kind == ErrorKind::kNotFound) return OfRun{};
    RETURN_IF_ERROR(answer);
    const auto read = answer->read(&api::decode_model_run);
    RETURN_IF_ERROR(read);
    const auto& run = *read;
    if (!is_of_sweep(run, part) || !run.status.points) return OfRun{};
    OfRun of_run{.rows = {}, .bytes = 0, .ended = api::is_final(run.status.phase)};
    Result<void> admitted;
    const auto take = [&](const api::PointRow& from) {
      if (!admitted || from.point >= part.count) return;
      const auto index = static_cast<std::size_t>(part.first + from.point);
      Taken taken{sweep::row_of(from, index, part.name), {}};
      // Beyond that the sweep will end without a table.
      if (from.outputs && held_ < kMostHeld) taken.outputs = sweep::outputs_of(*from.outputs, sweep_.spec.outputs);
      of_run.bytes += taken.bytes();
      admitted = hold(taken.bytes());
      of_run.rows.push_back(std::move(taken));
    };
    const auto visited = kube::visit_rows(all_.client_, run, take, stop_);
    RETURN_IF_ERROR(admitted);
    if (visited) return of_run;
    const auto kind = visited.error().kind;
    if (kind == ErrorKind::kNotFound || kind == ErrorKind::kInvalid) return OfRun{};
    return std::unexpected(visited.error());
  }

  // Two runs may have the same point where the second goes on for the first: the first row counts.
  [[nodiscard]] sweep::Table put_together(const std::vector<OfRunPtr>& runs) const {
    std::vector<const Taken*> rows;
    for (const auto& run : runs) {
      for (const auto& taken : run->rows) rows.push_back(&taken);
    }
    const auto index = [](const Taken* taken) { return taken->row.index; };
    std::ranges::stable_sort(rows, {}, index);
    const auto twice = std::ranges::unique(rows, {}, index);
    rows.erase(twice.begin(), twice.end());

    std::vector<sweep::PointOutputs> outputs;
    outputs.reserve(rows.size());
    for (const auto* taken : rows) outputs.push_back(taken->outputs);
    sweep::Table table{
        .parameters = points_.names, .outputs = sweep::columns_of(outputs, sweep_.spec.outputs).names, .rows = {}};
    table.rows.reserve(rows.size());
    for (std::size_t i = 0; i < rows.size(); ++i) {
      auto row = rows[i]->row;
      row.parameters = points_.points[row.index].values;
      row.outputs = sweep::cells_of(std::move(outputs[i]), table.outputs);
      table.rows.push_back(std::move(row));
    }
    return table;
  }

  RowsSoFar& all_;
  const api::ModelSweep& sweep_;
  const sweep::AdmitTable& admit_;
  const std::stop_token& stop_;
  sweep::Points points_;
  std::size_t held_ = 0;
};

Result<sweep::Table> RowsSoFar::read(const api::ModelSweep& sweep, const sweep::AdmitTable& admit,
                                     const std::stop_token& stop) {
  if (sweep.status.runs.empty()) return sweep::Table{};
  return Reading(*this, sweep, admit, stop).table();
}

}  // namespace modelrun::gateway
