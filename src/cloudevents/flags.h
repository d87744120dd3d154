// How the operator is told where events go.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "base/error.h"
#include "cloudevents/http_sink.h"

namespace CLI {
class App;
}

namespace modelrun::cloudevents {

struct EventFlags {
  std::string url{};  // empty: there are no events
  std::string ca_file{};
  std::string key_file{};
  std::string source = "/modelrun";
  int timeout_seconds = 10;
  int give_up_seconds = 86'400;
};

// Adds --events-url and its like. `flags` must live until the command line has been parsed.
void add_event_flags(CLI::App& app, EventFlags& flags);

struct EventSettings {
  SinkSettings sink{};
  std::string source{};                  // see run_end()
  std::chrono::seconds give_up{86'400};  // after a run's end
};

// nullopt without a URL. kInvalid: the URL, the source or one of the files cannot be used, or a flag needs another one;
// the message says which. Nothing of a key is in a message.
Result<std::optional<EventSettings>> read_settings(const EventFlags& flags);

}  // namespace modelrun::cloudevents
