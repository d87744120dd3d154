// What callers may do, as the services over Kubernetes ask it before each step. Internal to gateway/runs.
#pragma once

#include <stop_token>
#include <string>
#include <string_view>

#include "base/error.h"
#include "gateway/auth/identity.h"
#include "gateway/runs/run_summary.h"
#include "kube/client.h"
#include "kube/resource.h"

namespace modelrun::gateway {

// `verb` for objects of `resource` in the namespace. The strings are not copied.
ResourceAttributes to(std::string_view verb, const kube::Resource& resource, std::string_view namespace_);

// Succeeds if `caller` may do `action`. Otherwise kDenied, with `what` in the message, or, if the caller may not even
// get objects of the kind `seen` in that namespace, kNotFound with the message `absent`. Blocks; fails as
// Access::allowed().
Result<void> demand(Access& access, const Identity& caller, const ResourceAttributes& action,
                    const kube::Resource& seen, std::string_view what, const std::string& absent, std::stop_token stop);

// Whether the caller may do `verb` with objects of `resource` in the namespace. Blocks; fails as Access::allowed().
Result<bool> may(Access& access, const Identity& caller, std::string_view verb, const kube::Resource& resource,
                 const std::string& namespace_, std::stop_token stop);

// Turns an error of the API server into one that may be shown to the caller. If the gateway itself lacks a right, that
// is not the caller's fault: the error is logged and becomes kUnavailable. Other errors are returned unchanged.
Error own_fault(const Error& error);

// The message for a project that is not there, or that the caller may not see.
std::string no_project(const ProjectRef& project);

// Reads a ModelProject; kNotFound, with that message, if there is none. Asks no rights. Blocks.
Result<kube::Json> read_project(kube::Client& client, const ProjectRef& project, std::stop_token stop);

}  // namespace modelrun::gateway
