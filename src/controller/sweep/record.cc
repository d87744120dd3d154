#include "controller/sweep/record.h"

#include <utility>

namespace modelrun::controller {

SweepRecord make_sweep_record(api::ModelSweep sweep) {
  SweepRecord record{sweep.meta, sweep.status.phase, sweep.status.observed_generation, nullptr};
  if (api::is_final(record.phase)) return record;
  sweep.spec.space = api::JsonText();
  sweep.spec.parameters = api::JsonText();
  sweep.labels.clear();
  record.active = std::make_shared<const api::ModelSweep>(std::move(sweep));
  return record;
}

}  // namespace modelrun::controller
