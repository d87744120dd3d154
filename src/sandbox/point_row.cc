#include "sandbox/point_row.h"

#include <algorithm>
#include <utility>

#include "api/exit_words.h"
#include "api/reason.h"
#include "base/printable.h"
#include "sandbox/result.h"

namespace modelrun::sandbox {
namespace {

namespace reason = api::reason;

constexpr std::size_t kNamedFiles = 3;

void fail_row(api::PointRow& row, std::string_view why, std::string_view message) {
  row.phase = why == reason::kTimeout ? api::PointPhase::kTimedOut : api::PointPhase::kFailed;
  row.reason = why;
  row.message = printable(message, api::kMaxRowMessage);
}

// `error`: what add_outputs() has made of the exit and what was collected.
void judge(api::PointRow& row, std::chrono::seconds timeout, const api::ExitRecord& exit,
           const std::optional<api::FrameError>& error) {
  if (exit.how == api::ExitHow::kTimedOut) return fail_row(row, reason::kTimeout, api::timeout_words(timeout));
  if (exit.signal) {
    if (api::ran_out_of_memory(exit)) return fail_row(row, reason::kOOMKilled, api::kOutOfMemoryWords);
    return fail_row(row, reason::kSignaled, api::signal_words(*exit.signal));
  }
  const int code = exit.code.value_or(0);
  const bool no_entry_point = code == api::kExitNoEntryPoint && error && error->reason == reason::kEntryPointNotFound;
  if (code != 0 && !no_entry_point) {
    const bool told = error && error->reason == reason::kNonZeroExit;
    return fail_row(row, reason::kNonZeroExit, api::exit_words(code, told ? error->message : ""));
  }
  if (error) fail_row(row, error->reason, error->message);
}

// The files that are not kept, for people; empty if there are none.
std::string loss_of(const api::ResultFrame& frame) {
  if (frame.artifacts.empty()) return {};
  std::string names;
  for (std::size_t i = 0; i < std::min(frame.artifacts.size(), kNamedFiles); ++i) {
    names += fmt::format("{}'{}'", i == 0 ? "" : ", ", printable(frame.artifacts[i].name, 64));
  }
  if (frame.artifacts.size() > kNamedFiles) names += " and more";
  return fmt::format("of a point only the values are kept, not its files: {}", names);
}

}  // namespace

CollectLimits point_limits() {
  CollectLimits limits;
  limits.outputs.bytes = api::kMaxRowOutputs;
  limits.artifacts.count = kNamedFiles + 1;
  limits.artifacts.bytes = 0;
  limits.artifacts.hashed_bytes = 0;
  limits.artifacts.contents = 0;
  limits.artifacts.all_contents = 0;
  return limits;
}

api::PointRow row_of(std::int64_t point, std::chrono::seconds timeout, const api::ExitRecord& exit, Collected collected,
                     std::string err) {
  api::ResultFrame frame;
  frame.exit = exit;
  add_outputs(frame, std::move(collected), "point");
  api::PointRow row;
  row.point = point;
  row.exit_code = api::shell_code(exit);
  if (exit.started_at && exit.finished_at) {
    const auto ran = std::chrono::duration_cast<std::chrono::milliseconds>(*exit.finished_at - *exit.started_at);
    row.milliseconds = std::max<std::int64_t>(ran.count(), 0);  // the clock may have been set back
  }
  judge(row, timeout, exit, frame.error);
  if (frame.outputs && frame.outputs->size() <= api::kMaxRowOutputs) row.outputs = std::move(frame.outputs);
  row.warning = loss_of(frame);
  if (!row.warning.empty() && !frame.warning.empty()) row.warning += "; ";
  row.warning = printable(row.warning + frame.warning, api::kMaxRowMessage);
  if (row.phase != api::PointPhase::kSucceeded) row.err = std::move(err);
  return row;
}

}  // namespace modelrun::sandbox
