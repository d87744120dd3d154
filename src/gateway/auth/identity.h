// The identity of a caller, and the interface that answers whether a caller is allowed to do something.
#pragma once

#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/error.h"

namespace modelrun::gateway {

// A caller as authentication has identified it. Holds no secret.
struct Identity {
  std::string user;
  std::string uid;
  std::vector<std::string> groups;
  std::string namespace_;       // of projects that the caller names without a namespace; not empty
  std::optional<Time> expires;  // when the token stops being accepted, which ends streams too; nullopt: never

  friend bool operator==(const Identity&, const Identity&) = default;
};

// The name by which a caller shares what there is little of with the others: the user or, because whoever may make one
// service account in a namespace may make many, the namespace of a service account.
std::string share_of(const Identity& caller);

// What a caller wants to do: the fields of SubjectAccessReview.spec.resourceAttributes. The strings are not copied;
// they must live until the call that gets this value returns.
struct ResourceAttributes {
  std::string_view verb;
  std::string_view group;
  std::string_view resource;
  std::string_view namespace_;
  std::string_view subresource = {};
};

// Answers whether a caller is allowed to do something. Implementations are thread-safe.
class Access {
 public:
  virtual ~Access() = default;
  // Whether `who` is allowed to do `action`. Blocks; a request of `stop` ends that early. An error means that the
  // question could not be answered (as a rule kUnavailable or kTimeout, and never kDenied); the caller must treat it
  // as "not allowed".
  virtual Result<bool> allowed(const Identity& who, const ResourceAttributes& action, std::stop_token stop) = 0;
  // The answer of allowed() if it is in memory; nullopt if allowed() would have to ask for it. Does not block.
  virtual std::optional<bool> remembered(const Identity& /*who*/, const ResourceAttributes& /*action*/) {
    return std::nullopt;
  }
};

}  // namespace modelrun::gateway
