// The part of a run that the operator's cache keeps. Pure.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "api/model_project.h"
#include "api/model_run.h"

namespace modelrun::controller {

// A sweep has made the run, and it goes with the sweep.
inline bool is_of_sweep(const api::ObjectMeta& run) {
  return run.owner_kind == "ModelSweep";
}

// One run in the operator's cache. While a run is under way, it is kept in `active`, with the digest of its parameters
// in place of their text. Of a finished run only the other fields are kept: there may be very many finished runs, and
// they are only counted, listed and deleted.
struct RunRecord {
  api::ObjectMeta meta;
  std::string project;
  api::Phase phase = api::Phase::kNone;
  bool made_by_tool = false;  // created by the CLI or the gateway; see api::kLabelCreatedBy
  std::int64_t number = 0;
  std::int64_t observed_generation = -1;
  std::optional<Time> finished_at;
  std::int32_t points_succeeded = 0, points_failed = 0;  // that have a row
  std::string job_name;
  std::optional<Time> owes_event_since;  // when the end was written whose event is to be delivered; nullopt: none is
  // identity_key() of status.identity, for runs whose result other runs may use: those that are under way and do not
  // wait for another run, and those that have succeeded. Empty for all other runs.
  std::string identity;
  std::shared_ptr<const api::ModelRun> active;  // null once the phase is final

  // When the run ended, for sorting finished runs by age. The creation time if no end is recorded.
  [[nodiscard]] Time ended_at() const { return finished_at.value_or(meta.creation); }
  [[nodiscard]] std::string project_key() const { return api::object_key(meta.namespace_, project); }
  [[nodiscard]] bool of_sweep() const { return is_of_sweep(meta); }
  // Whether the limits of `history` apply to it.
  [[nodiscard]] bool in_history(const api::HistorySpec& history) const {
    return !of_sweep() && (made_by_tool || history.include_applied);
  }
};

// Makes the record of `run`. finished_at of a run that took another run's result is when it took it.
RunRecord make_record(api::ModelRun run);

// The short form of status.identity under which runs are indexed: the first 15 hexadecimal digits, which fit into a
// std::string without an allocation. Different identities may have the same key, so a caller must compare the whole
// identity of each run that it finds. Empty for an empty identity.
std::string identity_key(const std::string& identity);

}  // namespace modelrun::controller
