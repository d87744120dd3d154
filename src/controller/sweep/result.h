// The table of a sweep, and what it says: made from the rows of the sweep's runs, one after the other. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "api/model_sweep.h"
#include "api/points.h"
#include "base/packed_document.h"
#include "controller/sweep/layout.h"
#include "controller/sweep/survey.h"
#include "sweep/outputs.h"
#include "sweep/table.h"

namespace modelrun::controller {

// Bytes of status.summary and status.sensitivity together, as JSON. What is beyond is left out, and the warning says
// so: the sweep may have a spec of a mebibyte, and etcd takes objects of 1.5 MiB.
inline constexpr std::size_t kMaxStatisticsBytes = 128U << 10U;
// Of the text of an axis's value in status.sensitivity; a longer one is left out.
inline constexpr std::size_t kMaxShownAxisValue = 256;

struct SweepResult {
  std::int64_t rows = 0, succeeded = 0, failed = 0;
  std::vector<api::OutputSummary> summary;
  std::vector<api::OutputSensitivity> sensitivity;
  std::string warning;
  PackedDocument table;
  std::optional<api::TableRef> ref;  // absent: it was not stored
};

// Belongs to one thread. Holds what the table needs of the rows, which is at most a small multiple of
// sweep::kMaxTableBytes; no more is taken beyond.
class SweepTable {
 public:
  // Keeps references to both.
  SweepTable(const api::ModelSweepSpec& spec, const sweep::SpacePoints& space);

  // Takes a row of the part's run. One of a point that the part does not cover is left out.
  void take(const SweepPart& part, const api::PointRow& row);
  // Gives each point of the part that has no row one that says why.
  void miss(const SweepPart& part, const SweepMiss& why);

  // The whole; take nothing after it. The names of the ConfigMaps begin with `name`. kTooLarge if the table is.
  Result<SweepResult> finish(const std::string& name);

 private:
  void statistics(const std::vector<std::string>& columns, SweepResult& result) const;

  const api::ModelSweepSpec& spec_;
  const sweep::SpacePoints& space_;
  std::vector<sweep::Row> rows_;              // of all points; phase kNone: nothing is known yet
  std::vector<sweep::PointOutputs> outputs_;  // of the same points
  std::size_t bytes_ = 0;                     // of the outputs, as they will stand in the table
};

}  // namespace modelrun::controller
