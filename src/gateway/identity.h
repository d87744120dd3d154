// Who calls, and the question whether they may.
#pragma once

#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/error.h"

namespace modelrun::gateway {

// As authentication has found it. Holds no secret.
struct Identity {
  std::string user;
  std::string uid;
  std::vector<std::string> groups;
  std::string namespace_;       // where a project's name without a namespace is looked for; never empty
  std::optional<Time> expires;  // of the token; streams end then

  friend bool operator==(const Identity&, const Identity&) = default;
};

// One question for Kubernetes' RBAC. The strings must outlive the call.
struct Action {
  std::string_view verb;
  std::string_view group;
  std::string_view resource;
  std::string_view namespace_;
  std::string_view subresource = {};
};

inline constexpr std::string_view kModelrunDev = "modelrun.dev";

// Thread-safe. Blocks.
class Access {
 public:
  virtual ~Access() = default;
  // Whether `who` may; an Error when it could not be found out (kUnavailable, kTimeout), which is not a yes.
  virtual Result<bool> allowed(const Identity& who, const Action& action, std::stop_token stop) = 0;
  // What is remembered of that; does not block. Nothing: it would have to be asked.
  virtual std::optional<bool> remembered(const Identity& /*who*/, const Action& /*action*/) { return std::nullopt; }
};

}  // namespace modelrun::gateway
