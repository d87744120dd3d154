#include "controller/sources/secrets.h"

#include <set>

#include "api/json_access.h"
#include "base/encoding.h"
#include "source/url.h"

namespace modelrun::controller {
namespace {

using nlohmann::json;

std::string data_of(const json& secret, std::string_view name) {
  return base64_decode(api::text_at(api::member(secret, "data"), name)).value_or("");
}

bool is_labelled(const json& secret, std::string_view use) {
  return api::label_of(secret, kSecretUseLabel) == use;
}

source::Credentials credentials_of(const json& secret) {
  if (auto token = data_of(secret, "bearerToken"); !token.empty()) return source::BearerCredentials{std::move(token)};
  if (auto password = data_of(secret, "password"); !password.empty()) {
    return source::BasicCredentials{data_of(secret, "username"), std::move(password)};
  }
  return source::NoCredentials{};
}

Result<void> check_git_secret(const json& secret, const api::ModelProject& project, const std::string& host) {
  const auto name = project.git.secret_name;
  if (!is_labelled(secret, "git")) {
    return fail(ErrorKind::kDenied, "Secret {} may not be used for git: its owner has to label it {}=git", name,
                kSecretUseLabel);
  }
  const auto allowed = api::text_at(api::member(api::member(secret, "metadata"), "annotations"), kSecretHostAnnotation);
  if (allowed != host) {
    return fail(ErrorKind::kDenied, "Secret {} may be sent to host '{}' only (its annotation {}), not to {}", name,
                allowed, kSecretHostAnnotation, host);
  }
  return {};
}

// The names of the Secrets that spec.runtime.env refers to.
std::set<std::string> env_secrets(const api::ModelProject& project) {
  std::set<std::string> names;
  for (const auto& entry : project.runtime.env) {
    const auto& ref = api::member(api::member(entry, "valueFrom"), "secretKeyRef");
    if (ref.is_object()) names.insert(api::text_at(ref, "name"));
  }
  return names;
}

}  // namespace

Result<source::Remote> git_remote(kube::Client& client, const api::ModelProject& project, const source::Policy& policy,
                                  std::stop_token stop) {
  source::Remote remote;
  remote.url = project.git.url;
  remote.namespace_ = project.meta.namespace_;
  if (project.git.secret_name.empty()) return remote;
  const auto secret = client.get(kube::kSecrets, project.meta.namespace_, project.git.secret_name, stop);
  if (!secret) {
    Error error = secret.error();
    if (error.kind == ErrorKind::kNotFound) error.kind = ErrorKind::kUnavailable;
    return fail_in("git credentials", error);
  }
  const auto url = source::parse_git_url(remote.url, policy);
  RETURN_IF_ERROR(url);
  RETURN_IF_ERROR(check_git_secret(*secret, project, url->host));
  remote.credentials = credentials_of(*secret);
  remote.ca_pem = data_of(*secret, "ca.crt");
  const auto meta = api::decode_meta(*secret);
  remote.cache_identity = fmt::format("{}/{}", meta.uid, meta.resource_version);
  return remote;
}

Result<EnvSecrets> check_env_secrets(kube::Client& client, const api::ModelProject& project, std::stop_token stop) {
  EnvSecrets seen;
  for (const auto& name : env_secrets(project)) {
    const auto secret = client.get(kube::kSecrets, project.meta.namespace_, name, stop);
    if (!secret && secret.error().kind != ErrorKind::kNotFound) return std::unexpected(secret.error());
    if (!secret) {
      seen.error = fmt::format("the project's runtime.env refers to Secret {}, which does not exist", name);
      return seen;
    }
    if (!is_labelled(*secret, "env")) {
      seen.error = fmt::format(
          "the project's runtime.env refers to Secret {}, which models may not see: its owner has to label it {}=env",
          name, kSecretUseLabel);
      return seen;
    }
    const auto meta = api::decode_meta(*secret);
    seen.versions[name] = fmt::format("{}/{}", meta.uid, meta.resource_version);
  }
  return seen;
}

}  // namespace modelrun::controller
