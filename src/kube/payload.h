// Reads what is kept in ConfigMaps: the full result of a run, when it does not fit into the run's status, and the table
// of a sweep. Everybody reads them here, and only controller/apply_run.cc (WritePayload) and controller/apply_sweep.cc
// store them: a store outside of etcd replaces these.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "api/model_run.h"
#include "api/model_sweep.h"
#include "api/sandbox.h"
#include "kube/client.h"
#include "sweep/table.h"

namespace modelrun::kube {

// Puts the result together. Pure. `parts` are the base64 texts from the ConfigMaps in ref.config_maps, in that order.
// kInvalid when a part is not base64, the whole is not gzip or not a result frame, or when size or SHA-256 differ
// from `ref`. kTooLarge when it exceeds api::kMaxFrameBytes (16 MiB) after decompression.
Result<api::ResultFrame> assemble(const api::ResultRef& ref, const std::vector<std::string>& parts);

// Reads the ConfigMaps that `run` refers to, one request each. Blocks. REQUIRES: run.status.result_ref has a value.
// Fails like Client::get (kNotFound when a ConfigMap is missing) and like assemble().
Result<api::ResultFrame> load_payload(Client& client, const api::ModelRun& run, std::stop_token stop = {});

// Returns the outputs of `run` from its status or, when they are not there, from the full result; nullopt when the
// run has no outputs. Blocks and fails like load_payload() in the second case.
Result<std::optional<api::JsonText>> load_outputs(Client& client, const api::ModelRun& run, std::stop_token stop = {});

// Reads the ConfigMaps that `sweep` refers to, one request each. Blocks. REQUIRES: sweep.status.table_ref has a value.
// Fails like Client::get (kNotFound when a ConfigMap is missing) and like sweep::unpack_table(), which is given
// `admit`.
Result<sweep::Table> load_table(Client& client, const api::ModelSweep& sweep, std::stop_token stop = {},
                                const sweep::AdmitTable& admit = {});

}  // namespace modelrun::kube
