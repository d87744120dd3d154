// Result frames that the operator holds until they are in the API server, counted in bytes.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "api/sandbox.h"
#include "base/byte_budget.h"
#include "base/error.h"

namespace modelrun::controller {

using FramePtr = std::shared_ptr<const api::ResultFrame>;

// A result of more bytes than this is large. Of smaller ones each worker may have one.
inline constexpr std::size_t kLargeResult = 512U << 10U;

// The bytes that all held frames may need, and those of one namespace: room for one frame of the largest size. Those
// that are not large have room of their own, so that two namespaces with large ones do not keep the results of all
// others out.
inline constexpr std::size_t kHeldBytes = 40U << 20U;
inline constexpr std::size_t kHeldShare = 20U << 20U;
inline constexpr std::size_t kSmallHeldBytes = 12U << 20U;
inline constexpr std::size_t kSmallHeldShare = 2U << 20U;

inline constexpr const char* kRefusedMetric = "modelrun_results_refused_total";
inline constexpr const char* kRefusedHelp = "Results for which there was no room; they are asked for again.";

// kTooLarge if there is never room for the frame, however little is held.
Result<void> can_hold(const api::ResultFrame& frame);

// Thread-safe; nothing blocks. Must outlive the frames.
class HeldFrames {
 public:
  // Takes the frame's bytes from the namespace's share; they are given back when the last pointer to the frame goes.
  // kTooLarge as can_hold() says. kUnavailable if there is no room now: the agent's push, or the reading of the durable
  // copy, is repeated later.
  Result<FramePtr> hold(const std::string& namespace_, api::ResultFrame frame);
  [[nodiscard]] std::size_t used() const { return large_.used() + small_.used(); }  // bytes

 private:
  ByteBudget large_{kHeldBytes, kHeldShare};
  ByteBudget small_{kSmallHeldBytes, kSmallHeldShare};
};

}  // namespace modelrun::controller
