// The whole program against an API server in memory.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "cli/app.h"
#include "fakes/fake_api_server.h"
#include "fakes/manual_clock.h"

namespace modelrun::cli {

class Program {
 public:
  int run(std::vector<std::string> arguments) {
    out.clear();
    err.clear();
    const auto sink = [this](std::string& text) {
      return [this, &text](std::string_view more) {
        text += more;
        if (on_print) on_print();
      };
    };
    Console console({sink(out), tty}, {sink(err), tty}, [this] { return Result<std::string>(input); });
    const auto connect = [this](const GlobalFlags&) -> Result<ApiAccess> {
      return ApiAccess{std::shared_ptr<kube::Transport>(&server, [](kube::Transport*) {}), "ns"};
    };
    return run_app(std::move(arguments), {console, clock, connect, stop.get_token()});
  }

  // A run as it stands in the API server.
  nlohmann::json put_run(const std::string& name, nlohmann::json status,
                         nlohmann::json spec = {{"project", "p"}, {"scope", "project"}}) {
    status["observedGeneration"] = 1;
    return server.put(kube::kModelRuns, {{"metadata", {{"namespace", "ns"}, {"name", name}}},
                                         {"spec", std::move(spec)},
                                         {"status", std::move(status)}});
  }

  // The operator's part: what is done when the first watch begins. A run that was made by the program is the only one.
  void on_watch(std::function<void()> action) {
    auto done = std::make_shared<bool>(false);
    server.set_hook([done, action = std::move(action)](const kube::Request& request, int) {
      if (!*done && request.path.find("watch=true") != std::string::npos) {
        *done = true;
        action();
      }
      return fakes::Fault::kNone;
    });
  }
  void end_run(nlohmann::json status) {
    auto object = server.all(kube::kModelRuns).front();
    object["status"] = std::move(status);
    server.put(kube::kModelRuns, object);
  }

  fakes::ManualClock clock;
  fakes::FakeApiServer server{clock};
  std::stop_source stop;
  std::string input, out, err;
  bool tty = false;
  std::function<void()> on_print;  // called after each piece of out and err
};

}  // namespace modelrun::cli
