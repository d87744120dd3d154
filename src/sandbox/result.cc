#include "sandbox/result.h"

#include <utility>

#include "base/printable.h"

namespace modelrun::sandbox {
namespace {

void add_warning(api::ResultFrame& frame, std::string_view text) {
  if (text.empty()) return;
  if (!frame.warning.empty()) frame.warning += "; ";
  frame.warning = printable(frame.warning.append(text));
}

}  // namespace

api::ResultFrame frame_of(RelayedRun run) {
  api::ResultFrame frame;
  frame.exit = run.exit;
  frame.out = std::move(run.out);
  frame.err = std::move(run.err);
  frame.error = std::move(run.error);
  frame.rings = std::move(run.rings);
  frame.at_point = run.at_point;
  return frame;
}

void add_outputs(api::ResultFrame& frame, Collected collected, std::string_view whose) {
  if (collected.outputs) frame.outputs = api::JsonText::from_compact(*std::move(collected.outputs));
  frame.artifacts = std::move(collected.artifacts);
  frame.artifact_loss = std::move(collected.artifact_loss);
  const bool ended_well = frame.exit.how == api::ExitHow::kExited && frame.exit.code == 0;
  if (collected.error && (ended_well || collected.error->reason == "EntryPointNotFound")) {
    frame.error = std::move(collected.error);
  } else if (collected.error) {
    add_warning(frame, fmt::format("{}: {}", collected.error->reason, collected.error->message));
  }
  const bool exited_badly = frame.exit.how == api::ExitHow::kExited && !ended_well;
  if (exited_badly && !frame.error && !collected.failure.empty()) {
    frame.error = api::FrameError{"NonZeroExit", std::move(collected.failure)};
  }
  add_warning(frame, collected.warning);
  if (ended_well && !frame.error && !frame.outputs && frame.artifacts.empty() && frame.artifact_loss.empty()) {
    add_warning(frame, fmt::format("the {} left no outputs: neither a dict `result` or `outputs` at the top level of a "
                                   "Python program, nor a file under /outputs",
                                   whose));
  }
}

}  // namespace modelrun::sandbox
