// Reads the Secrets that a project refers to, and checks that their owner allows the use. Without that check, whoever
// may write a ModelProject could read every Secret of its namespace through a model's environment, or send it to a
// git server under their control.
#pragma once

#include <map>
#include <stop_token>
#include <string>

#include "api/model_project.h"
#include "base/error.h"
#include "kube/client.h"
#include "source/remote.h"

namespace modelrun::controller {

inline constexpr const char* kSecretUseLabel = "modelrun.dev/use";  // what the Secret may be used for: "env" or "git"
// The one host that a "git" Secret may be sent to.
inline constexpr const char* kSecretHostAnnotation = "modelrun.dev/git-host";

// Returns the project's repository with its credentials. Reads the Secret from the API server, so it blocks. A
// project without spec.git.secretName gets its URL back unchecked.
//
// Fails with kDenied if the Secret may not be used for git or for this host, or if `policy` does not allow the URL;
// with kUnavailable if the Secret does not exist, since GitOps may still bring it; or with another error of the
// request. Never fails with kNotFound.
Result<source::Remote> git_remote(kube::Client& client, const api::ModelProject& project, const source::Policy& policy,
                                  std::stop_token stop);

// What check_env_secrets() has found out.
struct EnvSecrets {
  std::string error;                            // about the first Secret that is missing or not allowed; empty: none is
  std::map<std::string, std::string> versions;  // "<uid>/<resourceVersion>" of those that passed, by name
};
// Checks the Secrets that spec.runtime.env refers to by secretKeyRef, up to the first that may not be used. Reads
// each from the API server, so it blocks. Fails with the error of a request, except that a missing Secret is reported
// in the result.
Result<EnvSecrets> check_env_secrets(kube::Client& client, const api::ModelProject& project, std::stop_token stop);

}  // namespace modelrun::controller
