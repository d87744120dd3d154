// What the tools about sweeps share. Internal to gateway/tools and gateway/web.
#pragma once

#include <chrono>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>

#include "base/error.h"
#include "gateway/runs/call.h"
#include "gateway/runs/sweep_fields.h"
#include "gateway/tools/tool.h"

namespace modelrun::gateway {

namespace schema {
// The answer of `sweep` and get_sweep: sweep_fields().
nlohmann::json sweep_result();
// What a sweep looks like in list_sweeps: sweep_entry().
nlohmann::json sweep_entry();
// The arguments offset, limit and wait_seconds of `sweep` and get_sweep, added to `properties`. `usual_wait`: the
// default of wait_seconds.
void add_rows_and_wait(nlohmann::json& properties, std::int64_t usual_wait);

inline constexpr const char* kSweepId = "UUID of the sweep, as `sweep` and list_sweeps answer it.";
inline constexpr const char* kAnySweepId = "UUID of the sweep, or its first eight or more digits.";
}  // namespace schema

// The project's name as this caller would write it.
std::string shown_project(const Call& call, const SweepSummary& sweep);

// What the arguments offset, limit and wait_seconds say.
struct SweepAsk {
  RowsPart rows;
  std::chrono::seconds wait{0};
};
// `usual_wait`: the default of wait_seconds.
SweepAsk sweep_ask(const nlohmann::json& arguments, std::int64_t usual_wait);

// Waits until the sweep is over, for ask.wait at most, and answers with its fields and these rows. `cancel_if_left`: if
// the client goes away meanwhile, and Call::cancel_on_stop says so, the sweep is cancelled.
void answer_sweep(const CallPtr& call, const SweepSummary& sweep, const SweepAsk& ask, bool cancel_if_left,
                  const Done& done);

}  // namespace modelrun::gateway
