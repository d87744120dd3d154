// The part of KubeRunService about the log of a pod.
#include <algorithm>

#include "gateway/runs/kube_run_service.h"
#include "gateway/runs/rights.h"

namespace modelrun::gateway {
namespace {

constexpr std::chrono::seconds kFollowIdle{3600};  // a log that is followed and prints nothing for so long is given up
constexpr std::chrono::seconds kReadIdle{10};      // the same for one that is read to its present end

// Takes a log piece by piece, and keeps the part that is asked for.
class Window {
 public:
  Window(std::int64_t offset, std::size_t limit)
      : from_end_(offset < 0 ? static_cast<std::size_t>(-offset) : 0),
        limit_(limit),
        skip_(offset < 0 ? 0 : static_cast<std::size_t>(offset)) {}

  // False when nothing more is needed.
  bool add(std::string_view text) {
    seen_ += text.size();
    if (from_end_ == 0) {
      const auto skipped = std::min(skip_, text.size());
      skip_ -= skipped;
      kept_.append(text.substr(skipped, limit_ - kept_.size()));
      return kept_.size() < limit_;
    }
    kept_ += text;
    // Not at every piece: each cut moves what is kept.
    if (kept_.size() > 2 * from_end_ + (std::size_t{64} << 10U)) kept_.erase(0, kept_.size() - from_end_);
    return true;
  }

  [[nodiscard]] std::uint64_t seen() const { return seen_; }

  // `offset` is what the constructor was given.
  LogPart take(std::int64_t offset, bool whole) {
    LogPart part;
    if (whole) part.total = seen_;
    if (from_end_ == 0) {
      part.offset = static_cast<std::uint64_t>(offset);
    } else {
      if (kept_.size() > from_end_) kept_.erase(0, kept_.size() - from_end_);
      part.offset = seen_ - kept_.size();
      if (kept_.size() > limit_) kept_.resize(limit_);
    }
    part.bytes = std::move(kept_);
    return part;
  }

 private:
  const std::size_t from_end_;  // 0: from the beginning
  const std::size_t limit_;
  std::size_t skip_;
  std::uint64_t seen_ = 0;
  std::string kept_;
};

}  // namespace

Result<void> KubeRunService::demand_log(const Identity& caller, const api::ModelRun& run, std::stop_token stop) {
  const ResourceAttributes see{
      .verb = "get", .group = "", .resource = "pods", .namespace_ = run.meta.namespace_, .subresource = "log"};
  RETURN_IF_ERROR(
      gateway::demand(access_, caller, see, kube::kModelRuns, "read logs", no_run(run.meta.uid), std::move(stop)));
  if (run.status.pod_name.empty()) return fail(ErrorKind::kNotFound, "run {} has no pod yet", run.meta.uid);
  return {};
}

Result<void> KubeRunService::follow_log(const Identity& caller, const api::ModelRun& run,
                                        const std::function<bool(std::string_view)>& on_data, std::stop_token stop) {
  RETURN_IF_ERROR(demand_log(caller, run, stop));
  const kube::LogOptions options{.container = std::string(api::kModelContainer), .follow = true};
  auto done = client_.pod_log_stream(run.meta.namespace_, run.status.pod_name, options, kFollowIdle, on_data, stop);
  if (!done) return std::unexpected(own_fault(done.error()));
  return {};
}

Result<LogPart> KubeRunService::read_log(const Identity& caller, const api::ModelRun& run, std::int64_t offset,
                                         std::size_t limit, std::stop_token stop) {
  RETURN_IF_ERROR(demand_log(caller, run, stop));
  if (offset > kMaxLogBytes) {
    return fail(ErrorKind::kTooLarge,
                "offset: at most {} bytes of a log are read; get_run has the run's result when it is over",
                kMaxLogBytes);
  }
  Window window(offset, limit);
  bool stopped = false;  // before the end of the log
  const kube::LogOptions options{.container = std::string(api::kModelContainer), .limit_bytes = kMaxLogBytes};
  const auto done = client_.pod_log_stream(
      run.meta.namespace_, run.status.pod_name, options, kReadIdle,
      [&](std::string_view text) {
        stopped = !window.add(text);
        return !stopped;
      },
      stop);
  if (!done) return std::unexpected(own_fault(done.error()));
  return window.take(offset, !stopped && window.seen() < static_cast<std::uint64_t>(kMaxLogBytes));
}

}  // namespace modelrun::gateway
