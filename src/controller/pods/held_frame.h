// Result frames that the operator holds until they are in the API server, counted in bytes.
#pragma once

#include <memory>
#include <string>

#include "api/sandbox.h"
#include "base/byte_budget.h"
#include "base/error.h"

namespace modelrun::controller {

using FramePtr = std::shared_ptr<const api::ResultFrame>;

// The bytes that all held frames may need, and those of one namespace: room for one frame of the largest size.
inline constexpr std::size_t kHeldBytes = 40U << 20U;
inline constexpr std::size_t kHeldShare = 20U << 20U;

inline constexpr const char* kRefusedMetric = "modelrun_results_refused_total";
inline constexpr const char* kRefusedHelp = "Results for which there was no room; they are asked for again.";

// Takes the frame's bytes from the owner's share of `budget`; they are given back when the last pointer to the frame
// goes. kUnavailable if there is no room: the agent's push, or the reading of the durable copy, is repeated later.
Result<FramePtr> hold_frame(ByteBudget& budget, const std::string& namespace_, api::ResultFrame frame);

}  // namespace modelrun::controller
