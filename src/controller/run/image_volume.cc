#include "controller/run/image_volume.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "api/sandbox.h"

namespace modelrun::controller {
namespace {

using State = api::ContainerView::State;

// What runtimes say: those that know image volumes, when they cannot mount one; those that do not, to which such a
// mount is one of a directory without a name (containerd before 2.1, CRI-O before 1.31); and all of them, when our
// program is not in the volume that they mounted or may not be executed there.
constexpr std::array<std::string_view, 4> kRefusals = {"ImageVolumeMountFailed", "failed to mkdir \"\"",
                                                       "HostPath is empty", api::kInstalledBinary};

bool is_refusal(const api::ContainerView& model) {
  const bool unmade =
      model.state == State::kWaiting && (model.reason == "CreateContainerError" || model.reason == "RunContainerError");
  // A container that could not be started is shown as one that has ended.
  return (unmade || model.state == State::kTerminated) &&
         std::ranges::any_of(kRefusals, [&](std::string_view words) { return model.message.contains(words); });
}

bool has_begun(const api::ContainerView& container) {
  return container.state == State::kRunning || container.state == State::kTerminated;
}

}  // namespace

bool mounts_image(const Settings& settings, const api::RuntimeSpec& runtime, bool usable, std::int64_t attempt) {
  switch (settings.image_volumes) {
    case ImageVolumes::kAuto:
      return usable && attempt <= 1 && runtime.runtime_class_name.empty();
    case ImageVolumes::kAlways:
      return true;
    case ImageVolumes::kNever:
      return false;
  }
  return false;
}

ImageVolumeSight look_at_image_volume(const api::PodView& pod, Duration placed_for) {
  if (!pod.image_volume || pod.ended() || pod.meta.deletion || !pod.scheduled) return {};
  if (is_refusal(pod.model)) {
    return {fmt::format("node {} cannot mount the agent's image as a volume, for which it needs containerd 2.1 or "
                        "CRI-O 1.31 (see operator.imageVolumes): {}",
                        pod.node, pod.model.message),
            std::nullopt};
  }
  if (pod.set_up || has_begun(pod.agent) || has_begun(pod.model)) return {};
  if (placed_for < kSetUpWait) return {{}, kSetUpWait - placed_for};
  return {fmt::format("node {} has not set the pod up within {} s, probably because its kubelet does not know image "
                      "volumes (see operator.imageVolumes)",
                      pod.node, kSetUpWait.count()),
          std::nullopt};
}

}  // namespace modelrun::controller
