#include "controller/history.h"

#include <algorithm>

namespace modelrun::controller {

std::vector<std::shared_ptr<const RunRecord>> over_history(std::vector<std::shared_ptr<const RunRecord>> runs,
                                                           const api::HistorySpec& history) {
  std::erase_if(runs, [&](const auto& run) {
    return !api::is_final(run->phase) || run->meta.deleting() || !(run->made_by_tool || history.include_applied);
  });
  // The latest first.
  std::ranges::sort(runs, std::ranges::greater{}, [](const auto& run) { return run->ended_at(); });
  std::vector<std::shared_ptr<const RunRecord>> over;
  std::int64_t successful = 0;
  std::int64_t failed = 0;
  for (auto& run : runs) {
    const bool success = run->phase == api::Phase::kSucceeded;
    const auto& limit = success ? history.successful : history.failed;
    auto& count = success ? successful : failed;
    if (limit && ++count > *limit) over.push_back(std::move(run));
  }
  return over;
}

}  // namespace modelrun::controller
