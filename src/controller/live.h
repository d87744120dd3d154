// Reads one object from the API server, past the caches.
#pragma once

#include <memory>
#include <stop_token>
#include <string_view>
#include <type_traits>

#include "base/error.h"
#include "controller/context.h"
#include "kube/json.h"
#include "kube/resource.h"

namespace modelrun::controller {

// The object as the API server holds it, as `decode` makes it from its JSON; null if there is none. Fails with the
// error of the request. Blocks.
template <class Decode, class T = std::invoke_result_t<Decode, const kube::Json&>>
Result<std::shared_ptr<const T>> read_live(const Context& context, const kube::Resource& resource,
                                           std::string_view namespace_, std::string_view name, Decode decode,
                                           std::stop_token stop) {
  const auto answer = context.client.get_answer(resource, namespace_, name, std::move(stop));
  if (!answer && answer.error().kind == ErrorKind::kNotFound) return nullptr;
  RETURN_IF_ERROR(answer);
  return answer->read([&](const kube::Json& object) { return std::make_shared<const T>(decode(object)); });
}

}  // namespace modelrun::controller
