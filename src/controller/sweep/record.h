// The part of a sweep that the operator's cache keeps. Pure.
#pragma once

#include <cstdint>
#include <memory>

#include "api/model_sweep.h"

namespace modelrun::controller {

// One sweep in the operator's cache. While it is under way it is kept in `active`, without the texts of its space and
// parameters, which are read from the API server when runs are made and when the table is. Of a finished sweep only the
// other fields are kept.
struct SweepRecord {
  api::ObjectMeta meta;
  api::Phase phase = api::Phase::kNone;
  std::int64_t observed_generation = -1;
  std::shared_ptr<const api::ModelSweep> active;  // null once the phase is final
};

SweepRecord make_sweep_record(api::ModelSweep sweep);

}  // namespace modelrun::controller
