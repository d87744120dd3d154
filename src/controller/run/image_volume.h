// Whether the pods of runs have the sandbox's files by a volume of the agent's image (api/sandbox.h), and how it shows
// that a node cannot have such a volume. Pure.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "api/model_project.h"
#include "api/workload.h"
#include "base/clock.h"
#include "controller/run/settings.h"

namespace modelrun::controller {

// True if the Job of that attempt is to have the volume. `usable`: the API server has image volumes, and no node is
// known that has none. With kAuto only a first attempt has it, and only in the runtime that pods have by default: what
// has failed once is tried again in the way that works on every node, and gVisor and Kata Containers have none.
bool mounts_image(const Settings& settings, const api::RuntimeSpec& runtime, bool usable, std::int64_t attempt);

// A kubelet that does not know image volumes tells nobody. A pod with one that is not even set up so long after it has
// got its node is taken for that.
inline constexpr std::chrono::seconds kSetUpWait{30};

// What a pod that has not started its model shows of its image volume.
struct ImageVolumeSight {
  std::string trouble;                 // why the pod does not come up, if its node cannot mount an image; else empty
  std::optional<Duration> look_again;  // when that may show although nothing happens; nullopt: something will happen
};

// `placed_for`: since the pod was seen to have a node.
ImageVolumeSight look_at_image_volume(const api::PodView& pod, Duration placed_for);

}  // namespace modelrun::controller
