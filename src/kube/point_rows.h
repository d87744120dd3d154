// Reads the rows of a run with points (api/points.h), which are kept in ConfigMaps. Everybody reads them here, and only
// controller/point_store.cc stores them.
//
// Each value of such a ConfigMap's binaryData is a chunk: the gzip of some rows of one attempt, a line each. Its key
// says which: row_key(). A chunk is written once and never changed; a ConfigMap gets more of them until it is large.
#pragma once

#include <cstdint>
#include <functional>
#include <stop_token>
#include <string>
#include <vector>

#include "api/model_run.h"
#include "api/points.h"
#include "kube/client.h"

namespace modelrun::kube {

struct RowChunk {
  int attempt = 0;
  std::int64_t first = 0;  // the number of its first row in the attempt
  std::vector<api::PointRow> rows;
  std::size_t bytes = 0;  // as they are stored, without base64
};

// `attempt` from 1 to a million, `first` from 0 to kMaxPoints; keys sort as (attempt, first).
std::string row_key(int attempt, std::int64_t first);
// The value for that key, as base64. `rows` are encode_row() each.
std::string pack_rows(const std::vector<std::string>& rows);

// Calls `visit` for the chunks of one ConfigMap, in the order of their keys. kInvalid when a key or a value is not of
// the form above; chunks before it have been visited. One chunk at a time is unpacked, which may have kMaxUnstoredRows
// rows and kMaxChunkBytes of text: a ConfigMap that somebody else wrote may hold many that are small when packed.
inline constexpr std::size_t kMaxChunkBytes = 2U << 20U;
Result<void> visit_chunks(const Json& config_map, const std::function<void(RowChunk)>& visit);

// Reads the rows of `run`, one request for each ConfigMap, and calls `visit` for the first one of each of its points,
// in the order in which they were stored. Holds one ConfigMap and one chunk at a time. Blocks. Fails like Client::get
// and like visit_chunks(), and with kInvalid for a ConfigMap that the run does not own. REQUIRES: run.status.points.
Result<void> visit_rows(Client& client, const api::ModelRun& run, const std::function<void(api::PointRow)>& visit,
                        std::stop_token stop = {});

// The same in ascending order of the points. Holds all rows: for programs that work for one person.
Result<std::vector<api::PointRow>> load_rows(Client& client, const api::ModelRun& run, std::stop_token stop = {});

}  // namespace modelrun::kube
