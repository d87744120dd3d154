// The user names that Kubernetes gives to service accounts.
// Source: https://kubernetes.io/docs/reference/access-authn-authz/service-accounts-admin/
#pragma once

#include <string_view>

namespace modelrun::api {

inline constexpr std::string_view kServiceAccountUserPrefix = "system:serviceaccount:";

// The namespace in "system:serviceaccount:<namespace>:<name>"; empty for a user name of another form.
constexpr std::string_view service_account_namespace(std::string_view user) {
  if (!user.starts_with(kServiceAccountUserPrefix)) return {};
  user.remove_prefix(kServiceAccountUserPrefix.size());
  const auto end = user.find(':');
  return end == std::string_view::npos ? std::string_view() : user.substr(0, end);
}

}  // namespace modelrun::api
