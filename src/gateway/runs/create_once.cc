#include "gateway/runs/create_once.h"

#include <fmt/format.h>

#include "api/json_access.h"
#include "api/strict_json.h"
#include "base/encoding.h"
#include "gateway/runs/rights.h"
#include "kube/refusal.h"

namespace modelrun::gateway {
namespace {

Result<CreatedObject> join_or_refuse(kube::Client& client, const kube::Resource& resource, const kube::Json& wanted,
                                     const CreateWords& words, const std::stop_token& stop) {
  const auto& metadata = api::member(wanted, "metadata");
  const auto name = api::text_at(metadata, "name");
  auto object = client.get(resource, api::text_at(metadata, "namespace"), name, stop);
  if (!object) return std::unexpected(own_fault(object.error()));
  const auto held = words.requested(api::member(*object, "spec"));
  if (api::canonical_json(held) != api::canonical_json(words.requested(api::member(wanted, "spec")))) {
    return fail(ErrorKind::kInvalid,
                "this idempotency key was used for another request ({} {}): use a new key for a new request",
                words.ids.noun, api::member(*object, "metadata").value("uid", name));
  }
  return CreatedObject{.object = std::move(*object), .created = false};
}

}  // namespace

std::string name_of_key(std::string_view prefix, const Identity& caller, std::string_view namespace_,
                        std::string_view key) {
  if (key.empty()) return {};
  // With the length before each part, the parts of two different requests cannot give the same text.
  std::string text;
  for (const std::string_view part : {namespace_, std::string_view(caller.user), key}) {
    text += fmt::format("{}:{}", part.size(), part);
  }
  return fmt::format("{}-{}", prefix, sha256_hex(text).substr(0, 40));
}

void add_origin(kube::Json& object, const Identity& caller, std::string_view traceparent) {
  auto& annotations = object["metadata"]["annotations"];
  annotations = {{api::kAnnotationRequestedBy, caller.user}};
  if (!traceparent.empty()) annotations[api::kAnnotationTraceparent] = traceparent;
}

Result<CreatedObject> create_once(kube::Client& client, const kube::Resource& resource, const kube::Json& object,
                                  const CreateWords& words, const std::stop_token& stop) {
  auto created = client.create(resource, object, stop);
  if (created) return CreatedObject{.object = std::move(*created), .created = true};
  const auto& error = created.error();
  const bool keyed = api::member(object, "metadata").contains("name");
  if (keyed && error.kind != ErrorKind::kInvalid && error.kind != ErrorKind::kDenied) {
    // Either the object exists already, or it is unknown whether it was created. Its name is known, so look.
    auto joined = join_or_refuse(client, resource, object, words, stop);
    if (joined || error.kind == ErrorKind::kExists || joined.error().kind == ErrorKind::kInvalid) return joined;
  }
  if (error.kind == ErrorKind::kTimeout || error.kind == ErrorKind::kUnavailable) {
    return fail(error.kind,
                "{}. The {} may have been created all the same: see {}, or call again with an idempotency key",
                error.message, words.ids.noun, words.ids.lister);
  }
  return std::unexpected(own_fault(kube::plain_refusal(error)));
}

}  // namespace modelrun::gateway
