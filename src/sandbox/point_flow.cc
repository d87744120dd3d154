#include "sandbox/point_flow.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "sandbox/collect.h"
#include "sandbox/note.h"
#include "sandbox/point_row.h"

namespace modelrun::sandbox {

bool PointFlow::too_many_failed() const {
  return list_.max_failed && list_.failed + failed_ > *list_.max_failed;
}

Result<std::optional<std::string>> PointFlow::begin_next() {
  if (rows_.refused() || too_many_failed()) return std::nullopt;
  for (; next_range_ < list_.done.size(); ++next_range_) {
    const auto& [first, last] = list_.done[next_range_];
    if (next_ < first) break;
    next_ = std::max(next_, last + 1);
  }
  if (std::cmp_greater_equal(next_, list_.points.size())) return std::nullopt;
  const std::string path = fmt::format("{}/parameters.json", layout_.at(api::kInputsDir));
  RETURN_IF_ERROR(write_file_atomically(path, list_.points[static_cast<std::size_t>(next_)], 0444));
  current_ = next_++;
  err_.clear();
  return fmt::format("{}", list_.timeout.count());
}

void PointFlow::take_stderr(std::string_view bytes) {
  if (!current_) return;
  err_.append(bytes.substr(bytes.size() - std::min(bytes.size(), api::kMaxRowErr)));
  if (err_.size() > api::kMaxRowErr) err_.erase(0, err_.size() - api::kMaxRowErr);
}

void PointFlow::end(const api::ExitRecord& exit) {
  const auto row = row_of(*std::exchange(current_, std::nullopt), list_.timeout, exit,
                          collect_outputs(layout_.at(api::kOutputsDir), point_limits()), std::move(err_));
  if (row.phase != api::PointPhase::kSucceeded) ++failed_;
  if (row.phase != api::PointPhase::kSucceeded && too_many_failed()) {
    note("{} points have failed, and {} may: no further point begins", list_.failed + failed_, *list_.max_failed);
  }
  rows_.add(api::encode_row(row));
}

}  // namespace modelrun::sandbox
