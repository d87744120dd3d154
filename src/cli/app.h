// The program without its surroundings: tests give it a fake API server and strings.
#pragma once

#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "base/clock.h"
#include "cli/console.h"
#include "cli/session.h"
#include "kube/transport.h"

namespace modelrun::cli {

struct Connection {
  std::shared_ptr<kube::Transport> transport;
  std::string namespace_;  // of the context
};

struct Surroundings {
  Console& console;
  const Clock& clock;
  std::function<Result<Connection>(const GlobalFlags&)> connect;
  std::stop_token stop;
};

// `arguments` without the program's name. Gives the exit code; everything that is to be said has been said.
int run_app(std::vector<std::string> arguments, const Surroundings& surroundings);

}  // namespace modelrun::cli
