#include "controller/run/bounds.h"

#include <algorithm>
#include <cctype>
#include <string_view>

#include "base/printable.h"

namespace modelrun::controller {
namespace {

constexpr std::size_t kMaxReasonBytes = 64;
constexpr std::size_t kMaxNameBytes = 512;  // of an artifact, an image, a branch
constexpr std::size_t kMaxConditions = 16;
constexpr std::size_t kLeastBytes = 256;  // of a text in a status that is reduced to the least

void bound(std::string& text, std::size_t limit) {
  text = printable(text, limit);
}

// A reason is one word (metav1.Condition). Agents report some, and what is not a word says nothing.
void bound_reason(std::string& reason) {
  const auto is_letter_or_digit = [](unsigned char c) { return std::isalnum(c) != 0; };
  const bool word = !reason.empty() && reason.size() <= kMaxReasonBytes &&
                    std::isalpha(static_cast<unsigned char>(reason.front())) != 0 &&
                    std::ranges::all_of(reason, is_letter_or_digit);
  if (!word) reason = "Unknown";
}

void bound_artifacts(std::vector<api::ArtifactStatus>& artifacts) {
  if (artifacts.size() > api::kMaxArtifacts) artifacts.resize(api::kMaxArtifacts);
  for (auto& artifact : artifacts) {
    bound(artifact.name, kMaxNameBytes);
    bound(artifact.sha256, kMaxReasonBytes);
    bound(artifact.media_type, kMaxNameBytes);
  }
}

void bound(api::ModelRunStatus& status) {
  bound(status.message, kMaxShownBytes);
  bound(status.warning, kMaxShownBytes);
  if (status.error) {
    bound_reason(status.error->reason);
    bound(status.error->message, kMaxShownBytes);
  }
  for (auto* name :
       {&status.branch, &status.pod_name, &status.node_name, &status.provenance.image, &status.provenance.image_id,
        &status.provenance.rings, &status.provenance.start, &status.provenance.cold_reason}) {
    bound(*name, kMaxNameBytes);
  }
  bound_artifacts(status.artifacts);
  if (status.conditions.size() > kMaxConditions) status.conditions.resize(kMaxConditions);
  for (auto& condition : status.conditions) {
    bound_reason(condition.reason);
    bound(condition.message, kMaxShownBytes);
  }
}

}  // namespace

void bound(Plan& plan) {
  if (plan.status) bound(*plan.status);
  for (auto& event : plan.events) {
    bound_reason(event.reason);
    bound(event.note, kMaxShownBytes);  // EventRecorder shortens it to what an event may have
  }
}

api::ModelRunStatus least_of(api::ModelRunStatus status, const std::string& why) {
  status.out.clear();
  status.err.clear();
  status.out_truncated = status.err_truncated = status.truncated = true;
  status.outputs.reset();
  status.artifacts.clear();
  // Without the full result this one is incomplete, and must not be reused by other runs.
  if (!status.result_ref) status.identity.clear();
  status.warning =
      printable("the API server refused the whole status, what is not here is lost: " + why, 2 * kLeastBytes);
  bound(status.message, kLeastBytes);
  if (status.error) bound(status.error->message, kLeastBytes);
  for (auto& condition : status.conditions) bound(condition.message, kLeastBytes);
  return status;
}

}  // namespace modelrun::controller
