// The events of one watch, taken from the history of the simulated API server.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "simulation/api_server.h"

namespace modelrun::simulation {

// Stands at a position in the history, and goes on by take(). Keeps a reference to the server.
class WatchFeed {
 public:
  // `path` is the URL of a watch request: it names the resource, the version to begin from, the label selector and the
  // time-out.
  WatchFeed(const ApiServer& server, std::string_view path);

  [[nodiscard]] Kind kind() const { return kind_; }
  // How long the server keeps the watch open.
  [[nodiscard]] Nanos timeout() const { return timeout_; }
  // Whether the version to begin from is no longer in the history (410).
  [[nodiscard]] bool is_gone() const { return from_ < server_.compacted(); }
  // When the next commit happened that was not taken yet; nullopt if there is none.
  [[nodiscard]] std::optional<Nanos> next_at() const;
  // Takes the next commit, and returns its line of the stream; empty if the selector leaves the object out.
  // REQUIRES: there is one.
  std::string take();
  // A BOOKMARK event with the version up to which everything was taken.
  [[nodiscard]] std::string bookmark() const;
  // An ERROR event with code 410.
  static std::string gone_event();

 private:
  const ApiServer& server_;
  Kind kind_{};
  std::uint64_t from_ = 0;
  std::string selector_;
  Nanos timeout_ = std::chrono::minutes(30);
  std::size_t position_ = 0;  // in the history
};

}  // namespace modelrun::simulation
