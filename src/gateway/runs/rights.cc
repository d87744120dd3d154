#include "gateway/runs/rights.h"

#include <fmt/format.h>

#include <utility>

#include "base/log.h"

namespace modelrun::gateway {

ResourceAttributes to(std::string_view verb, const kube::Resource& resource, std::string_view namespace_) {
  return {.verb = verb, .group = resource.group, .resource = resource.plural, .namespace_ = namespace_};
}

Result<bool> may(Access& access, const Identity& caller, std::string_view verb, const kube::Resource& resource,
                 const std::string& namespace_, std::stop_token stop) {
  return access.allowed(caller, to(verb, resource, namespace_), std::move(stop));
}

Result<void> demand(Access& access, const Identity& caller, const ResourceAttributes& action,
                    const kube::Resource& seen, std::string_view what, const std::string& absent,
                    std::stop_token stop) {
  const auto allowed = access.allowed(caller, action, stop);
  RETURN_IF_ERROR(allowed);
  if (*allowed) return {};
  const auto sees = may(access, caller, "get", seen, std::string(action.namespace_), std::move(stop));
  RETURN_IF_ERROR(sees);
  if (!*sees) return fail(ErrorKind::kNotFound, "{}", absent);
  return fail(ErrorKind::kDenied, "you may not {} in namespace {}; ask its administrator for the role modelrun-editor",
              what, action.namespace_);
}

Error own_fault(const Error& error) {
  if (error.kind != ErrorKind::kDenied || error.message.find("forbidden: User ") == std::string::npos) return error;
  log::error("the gateway's own rights do not suffice", {{"error", error.message}});
  return {ErrorKind::kUnavailable, "the gateway lacks a right that it needs; its log says which one"};
}

std::string no_project(const ProjectRef& project) {
  return fmt::format("there is no project '{}' in namespace {} that you can see", project.name, project.namespace_);
}

Result<kube::Json> read_project(kube::Client& client, const ProjectRef& project, std::stop_token stop) {
  auto object = client.get(kube::kModelProjects, project.namespace_, project.name, std::move(stop));
  if (object) return std::move(*object);
  if (object.error().kind == ErrorKind::kNotFound) return fail(ErrorKind::kNotFound, "{}", no_project(project));
  return std::unexpected(own_fault(object.error()));
}

}  // namespace modelrun::gateway
