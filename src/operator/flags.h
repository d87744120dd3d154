// The command line of modelrun-operator.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <variant>

#include "base/endpoint.h"
#include "cloudevents/flags.h"
#include "controller/run/settings.h"
#include "runtime/process_flags.h"
#include "source/remote.h"
#include "traces/tracing.h"

namespace modelrun::op {

// See add_*_options() in flags.cc for the flag that sets each member.
struct Flags : runtime::ProcessFlags {
  std::string namespace_ = "modelrun-system";  // of the operator's own Lease, Secret and Service
  controller::Settings settings;               // the members run_server_* are set when the run server starts
  source::Policy git;
  std::string source_cache = "/var/cache/modelrun";
  std::string source_socket = "/run/modelrun-source/socket";
  Endpoint run_server_listen{"0.0.0.0", 9443};
  std::string run_server_service = "modelrun-run-server";
  std::string run_server_advertise;  // IP:PORT that pods connect to; empty: ClusterIP and port of the Service
  bool leader_elect = false;
  std::chrono::milliseconds lease_duration{15'000};
  int workers = 16;  // threads that reconcile runs, 1 to 64
  traces::TraceChoice traces;
  std::optional<cloudevents::EventSettings> events;  // nullopt: there are none
};

// Parses the command line. Returns the flags, or the exit code with which the program must end: 0 after --help and
// --version, 2 for a wrong command line. The message for the user has then been printed.
std::variant<Flags, int> parse_flags(int argc, char** argv);

}  // namespace modelrun::op
