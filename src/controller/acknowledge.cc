#include "controller/acknowledge.h"

#include <optional>
#include <utility>

#include "api/json_access.h"

namespace modelrun::controller {

Result<void> acknowledge(const Context& context, const kube::Resource& resource, const api::ObjectMeta& known,
                         const std::function<void(const kube::Json&)>& put, std::stop_token stop) {
  const auto gone = [](const Error& error) { return error.kind == ErrorKind::kNotFound; };
  const auto current = context.client.get_answer(resource, known.namespace_, known.name, stop);
  if (!current && gone(current.error())) return {};
  RETURN_IF_ERROR(current);
  auto update = current->read([&](const kube::Json& object) -> std::optional<kube::ObjectText> {
    const auto meta = api::decode_meta(object);
    auto status = api::member(object, "status");
    if (meta.uid != known.uid || api::int_at(status, "observedGeneration") == meta.generation) return std::nullopt;
    status["observedGeneration"] = meta.generation;
    return kube::status_text(resource, meta, std::move(status));
  });
  RETURN_IF_ERROR(update);
  if (!*update) return {};
  const auto answer = context.client.replace_status_answer(resource, std::move(**update), std::move(stop));
  if (!answer && gone(answer.error())) return {};
  RETURN_IF_ERROR(answer);
  return answer->read([&put](const kube::Json& object) { put(object); });
}

}  // namespace modelrun::controller
