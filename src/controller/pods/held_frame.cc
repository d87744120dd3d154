#include "controller/pods/held_frame.h"

#include <utility>

namespace modelrun::controller {
namespace {

struct HeldFrame {
  api::ResultFrame frame;
  ByteBudget::Lease lease;
};

}  // namespace

Result<FramePtr> hold_frame(ByteBudget& budget, const std::string& namespace_, api::ResultFrame frame) {
  auto lease = budget.lease(namespace_);
  const std::size_t bytes = api::frame_bytes(frame);
  if (!lease.grow_to(bytes)) {
    return fail(ErrorKind::kUnavailable,
                "there is no room for a result of {} bytes: {} bytes of results wait to be stored", bytes,
                budget.used());
  }
  auto held = std::make_shared<HeldFrame>(std::move(frame), std::move(lease));
  return FramePtr(held, &held->frame);
}

}  // namespace modelrun::controller
