#include "controller/image_volume_use.h"

#include <string>

#include "base/log.h"

namespace modelrun::controller {

void ImageVolumeUse::give_up(std::string_view why) {
  if (!usable_.exchange(false)) return;
  log::warn("agents install the sandbox from now on, because a node has no image volumes",
            {{"error", std::string(why)}});
}

}  // namespace modelrun::controller
