#include "gateway/runs/open_call.h"

#include <algorithm>

namespace modelrun::gateway {

std::chrono::milliseconds until_token_ends(const Call& call, std::chrono::milliseconds span) {
  if (call.clock == nullptr || !call.caller.expires) return span;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(*call.caller.expires - call.clock->now());
  return std::clamp(left, std::chrono::milliseconds(0), span);
}

Result<void> token_still_good(const Call& call) {
  if (call.clock != nullptr && call.caller.expires && call.clock->now() >= *call.caller.expires) {
    return fail(ErrorKind::kDenied, "your token has expired");
  }
  if (!call.recheck) return {};
  const auto known = call.recheck(call.stop);
  if (!known && known.error().kind == ErrorKind::kDenied) {
    return fail(ErrorKind::kDenied, "your token is not valid any more");
  }
  return {};
}

}  // namespace modelrun::gateway
