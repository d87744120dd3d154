#include "operator/token_authenticator.h"

#include <utility>

#include "api/sandbox.h"
#include "api/service_account.h"
#include "base/encoding.h"
#include "base/log.h"

namespace modelrun::op {
namespace {

std::string missing_right(const Error& error) {
  return fmt::format(
      "{}; run pods prove by TokenReviews who they are, which needs a right over the cluster: "
      "let an administrator bind the ClusterRole system:auth-delegator to the operator's service account "
      "(kubectl create clusterrolebinding), or install the chart with rbac.tokenReviews=true",
      error.message);
}

}  // namespace

Result<void> may_review_tokens(kube::Client& client, std::stop_token stop) {
  // Any token will do: that it is not accepted is an answer, too.
  const auto review = client.token_review("none", {std::string(api::kTokenAudience)}, std::move(stop));
  if (!review && review.error().kind == ErrorKind::kDenied) {
    return fail(ErrorKind::kDenied, "{}", missing_right(review.error()));
  }
  return {};
}

std::optional<Result<runserver::PodIdentity>> TokenAuthenticator::remembered(std::string_view bearer_token) {
  const auto digest = sha256_hex(bearer_token);
  if (auto pod = known_.find(digest)) return Result<runserver::PodIdentity>(std::move(*pod));
  if (refused_.find(digest)) return fail(ErrorKind::kDenied, "this token was refused a moment ago");
  return std::nullopt;
}

Result<runserver::PodIdentity> TokenAuthenticator::authenticate(std::string_view bearer_token, std::stop_token stop) {
  if (auto known = remembered(bearer_token)) return std::move(*known);
  const auto digest = sha256_hex(bearer_token);
  const auto now = std::chrono::steady_clock::now();
  const auto identity = client_.token_review(bearer_token, {std::string(api::kTokenAudience)}, std::move(stop));
  if (!identity && identity.error().kind == ErrorKind::kDenied) {
    // The run server tells nobody why it answers 503; every pod that calls would make a message.
    const auto message = missing_right(identity.error());
    if (!logged_.find("")) {
      log::error("run pods cannot be known", {{"error", message}});
      logged_.put("", true, now);
    }
    return fail(ErrorKind::kUnavailable, "{}", message);
  }
  RETURN_IF_ERROR(identity);
  runserver::PodIdentity pod{std::string(api::service_account_namespace(identity->username)), identity->pod_name,
                             identity->pod_uid};
  // An authenticator that does not know audiences accepts the token and returns none, so the audience must be
  // compared.
  const bool ours = identity->authenticated && identity->audiences == std::vector{std::string(api::kTokenAudience)};
  if (!ours || pod.namespace_.empty() || pod.pod_uid.empty()) {
    refused_.put(digest, true, now);
    return fail(ErrorKind::kDenied, "this is no token of a pod for audience {}", api::kTokenAudience);
  }
  known_.put(digest, pod, now);
  return pod;
}

}  // namespace modelrun::op
