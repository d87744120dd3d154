// Creates the object of a request, once for each idempotency key. Internal to gateway/runs.
#pragma once

#include <nlohmann/json.hpp>
#include <stop_token>
#include <string>
#include <string_view>

#include "base/error.h"
#include "gateway/auth/identity.h"
#include "gateway/runs/names.h"
#include "kube/client.h"

namespace modelrun::gateway {

// The name of an object that is made with an idempotency key: the same key of the same caller gives the same name in a
// namespace, so that a repeated request finds the first object. The caller is part of it, so that no key leads to the
// object of another caller. "" without a key: the API server makes the name.
std::string name_of_key(std::string_view prefix, const Identity& caller, std::string_view namespace_,
                        std::string_view key);

// Notes in the annotations of `object`, which has none yet, who asked for it and in which trace (W3C Trace Context;
// empty: in none).
void add_origin(kube::Json& object, const Identity& caller, std::string_view traceparent);

struct CreateWords {
  IdWords ids;
  // The fields of a spec by which a repeated request is recognised.
  nlohmann::json (*requested)(const nlohmann::json& spec);
};

struct CreatedObject {
  kube::Json object;
  bool created = false;  // false: an earlier request with the same key created it
};

// Creates `object`, whose name is that of an idempotency key if it has one. If it is there already, or if it is unknown
// whether it was created, looks it up. kInvalid if the API server refuses it, or if the key was used with another
// request. Other errors are those of the client, in words for the caller. Blocks.
Result<CreatedObject> create_once(kube::Client& client, const kube::Resource& resource, const kube::Json& object,
                                  const CreateWords& words, const std::stop_token& stop);

}  // namespace modelrun::gateway
