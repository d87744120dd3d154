// What the operator's flags say about runs. Filled in at start, before the first run is reconciled, and never changed
// after that, so any thread may read it.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <set>
#include <string>

namespace modelrun::controller {

// Whether the sandbox's files are a volume of the agent's image, or are installed by the agent; see api/sandbox.h.
enum class ImageVolumes {
  kAuto,  // mounts_image() decides (image_volume.h)
  kAlways,
  kNever,
};

struct EndEventSettings {
  std::string source;                    // see cloudevents::run_end()
  std::chrono::seconds give_up{86'400};  // how long after a run's end its event is given up
};

struct Settings {
  std::string agent_image;
  std::string default_image;      // for projects that name none
  std::string image_pull_policy;  // for both containers, unless the project says otherwise
  ImageVolumes image_volumes = ImageVolumes::kAuto;
  std::int64_t max_timeout_seconds = 300;
  std::int64_t max_standbys = 100;  // of all projects together; half of them in one namespace
  bool landlock_required = true;    // false: models may run on kernels without Landlock
  // RuntimeClasses under which models may run without Landlock all the same, such as one for gVisor, whose kernel has
  // none.
  std::set<std::string> runtimes_without_landlock;

  // There is a sink for the CloudEvents of runs that end: each such run is owed one. nullopt: there is none.
  std::optional<EndEventSettings> end_events;

  // Labels of a run that its Job and pod get too. Each is_open_label() of api/pod_metadata.h.
  std::set<std::string> propagated_labels;

  // How agents reach the run server: IP:PORT, the name in its certificate, and the PEM certificates of the
  // authorities to trust.
  std::string run_server_address;
  std::string run_server_name;
  std::string run_server_ca;
};

}  // namespace modelrun::controller
