// The command line of modelrun-operator.
#pragma once

#include <chrono>
#include <string>
#include <variant>

#include "base/endpoint.h"
#include "controller/settings.h"
#include "runtime/process_flags.h"
#include "source/remote.h"

namespace modelrun::op {

struct Flags : runtime::ProcessFlags {
  std::string namespace_ = "modelrun-system";
  controller::Settings settings;
  source::Policy git;
  std::string source_cache = "/var/cache/modelrun";
  Endpoint run_server_listen{"0.0.0.0", 9443};
  std::string run_server_service = "modelrun-run-server";
  std::string run_server_advertise;  // IP:PORT; empty: the ClusterIP of the service
  bool leader_elect = false;
  std::chrono::milliseconds lease_duration{15'000};
  int workers = 4;
};

// Gives the flags, or the exit code to leave with (0 after --help and --version, 2 for a wrong command line; what is to
// be said has been printed).
std::variant<Flags, int> parse_flags(int argc, char** argv);

}  // namespace modelrun::op
