#include "kube/payload.h"

#include "api/json_access.h"
#include "base/packed_document.h"

namespace modelrun::kube {
namespace {

// Returns the only value of the ConfigMap of a part, or "" when it does not have exactly one.
std::string part_of(const Json& config_map) {
  const auto& data = api::member(config_map, "binaryData");
  return data.is_object() && data.size() == 1 && data.begin()->is_string() ? data.begin()->get<std::string>() : "";
}

Result<std::vector<std::string>> load_parts(Client& client, const std::string& namespace_,
                                            const std::vector<std::string>& names, const std::stop_token& stop) {
  std::vector<std::string> parts;
  for (const auto& name : names) {
    auto object = client.get(kConfigMaps, namespace_, name, stop);
    if (!object) return fail_in(fmt::format("part {} of {}", parts.size() + 1, names.size()), object.error());
    parts.push_back(part_of(*object));
  }
  return parts;
}

}  // namespace

Result<api::ResultFrame> assemble(const api::ResultRef& ref, const std::vector<std::string>& parts) {
  const auto document = unpack_document(parts, ref.sha256, ref.bytes, api::kMaxFrameBytes);
  if (!document) return fail_in("full result", document.error());
  return api::decode_frame(*document);
}

Result<api::ResultFrame> load_payload(Client& client, const api::ModelRun& run, std::stop_token stop) {
  const auto& ref = *run.status.result_ref;
  const auto parts = load_parts(client, run.meta.namespace_, ref.config_maps, stop);
  if (!parts) return fail_in("full result", parts.error());
  return assemble(ref, *parts);
}

Result<sweep::Table> load_table(Client& client, const api::ModelSweep& sweep, std::stop_token stop,
                                const sweep::AdmitTable& admit) {
  const auto& ref = *sweep.status.table_ref;
  const auto parts = load_parts(client, sweep.meta.namespace_, ref.config_maps, stop);
  if (!parts) return fail_in("table", parts.error());
  auto table = sweep::unpack_table(*parts, ref.sha256, ref.bytes, admit);
  if (!table) return fail_in("table", table.error());
  return table;
}

Result<std::optional<api::JsonText>> load_outputs(Client& client, const api::ModelRun& run, std::stop_token stop) {
  if (run.status.outputs || !run.status.result_ref) return run.status.outputs;
  auto frame = load_payload(client, run, stop);
  RETURN_IF_ERROR(frame);
  return std::move(frame->outputs);
}

}  // namespace modelrun::kube
