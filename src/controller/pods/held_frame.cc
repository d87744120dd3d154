#include "controller/pods/held_frame.h"

#include <utility>

namespace modelrun::controller {
namespace {

struct HeldFrame {
  api::ResultFrame frame;
  ByteBudget::Hold bytes;
};

}  // namespace

Result<FramePtr> hold_frame(ByteBudget& budget, const std::string& namespace_, api::ResultFrame frame) {
  auto bytes = budget.hold(namespace_);
  const std::size_t size = api::frame_bytes(frame);
  if (!bytes.set(size)) {
    return fail(ErrorKind::kUnavailable,
                "there is no room for a result of {} bytes: {} bytes of results wait to be stored", size,
                budget.used());
  }
  auto held = std::make_shared<HeldFrame>(std::move(frame), std::move(bytes));
  return FramePtr(held, &held->frame);
}

}  // namespace modelrun::controller
