#include "controller/pods/held_frame.h"

#include <utility>

namespace modelrun::controller {
namespace {

struct HeldFrame {
  api::ResultFrame frame;
  ByteBudget::Hold bytes;
};

}  // namespace

Result<void> can_hold(const api::ResultFrame& frame) {
  const std::size_t size = api::frame_bytes(frame);
  if (size <= kHeldShare) return {};
  return fail(ErrorKind::kTooLarge, "a result of {} bytes is larger than what is ever held ({})", size, kHeldShare);
}

Result<FramePtr> HeldFrames::hold(const std::string& namespace_, api::ResultFrame frame) {
  RETURN_IF_ERROR(can_hold(frame));
  const std::size_t size = api::frame_bytes(frame);
  auto& budget = size <= kLargeResult ? small_ : large_;
  auto bytes = budget.hold(namespace_);
  if (!bytes.set(size)) {
    return fail(ErrorKind::kUnavailable,
                "there is no room for a result of {} bytes: {} bytes of results wait to be stored", size,
                budget.used());
  }
  auto held = std::make_shared<HeldFrame>(std::move(frame), std::move(bytes));
  return FramePtr(held, &held->frame);
}

}  // namespace modelrun::controller
