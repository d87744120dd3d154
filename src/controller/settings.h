// What the operator's flags say about runs. Made once at start; read by many threads, changed by none.
#pragma once

#include <cstdint>
#include <string>

namespace modelrun::controller {

struct Settings {
  std::string agent_image;
  std::string default_image;      // for projects that name none
  std::string image_pull_policy;  // for both containers, unless the project says otherwise
  std::int64_t max_timeout_seconds = 300;
  bool landlock_required = true;

  // Where agents find the run server: IP:PORT, the name on its certificate, and the PEM of whom to trust.
  std::string run_server_address;
  std::string run_server_name;
  std::string run_server_ca;
};

}  // namespace modelrun::controller
