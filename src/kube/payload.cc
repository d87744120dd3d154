#include "kube/payload.h"

#include "api/json_access.h"
#include "base/encoding.h"

namespace modelrun::kube {
namespace {

// Returns the only value of the ConfigMap of a part, or "" when it does not have exactly one.
std::string part_of(const Json& config_map) {
  const auto& data = api::member(config_map, "binaryData");
  return data.is_object() && data.size() == 1 && data.begin()->is_string() ? data.begin()->get<std::string>() : "";
}

}  // namespace

Result<api::ResultFrame> assemble(const api::ResultRef& ref, const std::vector<std::string>& parts) {
  std::string packed;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    auto bytes = base64_decode(parts[i]);
    if (!bytes) return fail_in(fmt::format("full result, part {} of {}", i + 1, parts.size()), bytes.error());
    packed += *bytes;
  }
  const auto document = gunzip(packed, api::kMaxFrameBytes);
  if (!document) return fail_in("full result", document.error());
  if (document->size() != ref.bytes) {
    return fail(ErrorKind::kInvalid, "full result: {} bytes where status.resultRef says {}", document->size(),
                ref.bytes);
  }
  if (sha256_hex(*document) != ref.sha256) {
    return fail(ErrorKind::kInvalid,
                "full result: its SHA-256 is not the one in status.resultRef: it was changed or damaged");
  }
  return api::decode_frame(*document);
}

Result<api::ResultFrame> load_payload(Client& client, const api::ModelRun& run, std::stop_token stop) {
  const auto& ref = *run.status.result_ref;
  std::vector<std::string> parts;
  for (const auto& name : ref.config_maps) {
    auto object = client.get(kConfigMaps, run.meta.namespace_, name, stop);
    if (!object) {
      return fail_in(fmt::format("full result, part {} of {}", parts.size() + 1, ref.config_maps.size()),
                     object.error());
    }
    parts.push_back(part_of(*object));
  }
  return assemble(ref, parts);
}

Result<std::optional<api::JsonText>> load_outputs(Client& client, const api::ModelRun& run, std::stop_token stop) {
  if (run.status.outputs || !run.status.result_ref) return run.status.outputs;
  auto frame = load_payload(client, run, stop);
  RETURN_IF_ERROR(frame);
  return std::move(frame->outputs);
}

}  // namespace modelrun::kube
