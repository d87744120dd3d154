// Secrets of a project, usable only when their owner has said so: whoever may write a ModelProject in a namespace could
// otherwise read every Secret there through a model's environment, or send it to a git server of his own.
#pragma once

#include <map>
#include <stop_token>
#include <string>

#include "api/model_project.h"
#include "base/error.h"
#include "kube/client.h"
#include "source/remote.h"

namespace modelrun::controller {

inline constexpr const char* kSecretUseLabel = "modelrun.dev/use";  // "env" or "git"
inline constexpr const char* kSecretHostAnnotation = "modelrun.dev/git-host";

// The project's repository with its credentials. kDenied when the Secret may not be used for this host, kNotFound
// never: a Secret that is missing is kUnavailable, since GitOps may still bring it.
Result<source::Remote> git_remote(kube::Client& client, const api::ModelProject& project, const source::Policy& policy,
                                  std::stop_token stop);

// The Secrets that spec.runtime.env refers to.
struct EnvSecrets {
  std::string error;                            // what is wrong with the first that may not be used; "": all may
  std::map<std::string, std::string> versions;  // of those that were looked at, by name
};
Result<EnvSecrets> check_env_secrets(kube::Client& client, const api::ModelProject& project, std::stop_token stop);

}  // namespace modelrun::controller
