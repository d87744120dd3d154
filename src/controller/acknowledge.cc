#include "controller/acknowledge.h"

#include <utility>

#include "api/json_access.h"

namespace modelrun::controller {

Result<void> acknowledge(const Context& context, const kube::Resource& resource, const api::ObjectMeta& known,
                         const std::function<void(const kube::Json&)>& put, std::stop_token stop) {
  const auto gone = [](const Error& error) { return error.kind == ErrorKind::kNotFound; };
  const auto object = context.client.get(resource, known.namespace_, known.name, stop);
  if (!object && gone(object.error())) return {};
  RETURN_IF_ERROR(object);
  const auto meta = api::decode_meta(*object);
  auto status = api::member(*object, "status");
  if (meta.uid != known.uid || api::int_at(status, "observedGeneration") == meta.generation) return {};
  status["observedGeneration"] = meta.generation;
  const auto answer = context.client.replace_status(
      resource, api::status_update(resource.kind, meta, std::move(status)), std::move(stop));
  if (!answer && gone(answer.error())) return {};
  RETURN_IF_ERROR(answer);
  put(*answer);
  return {};
}

}  // namespace modelrun::controller
