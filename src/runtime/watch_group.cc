#include "runtime/watch_group.h"

#include <algorithm>
#include <random>

namespace modelrun::runtime {

WatchGroup::WatchGroup(kube::Client& client, const WatcherOptions& options, const std::vector<std::string>& namespaces,
                       const SinkFor& sink_for, SteadyClock& clock, Metrics* metrics)
    : clock_(clock) {
  const auto add = [&](const std::string& namespace_) {
    auto own = options;
    own.namespace_ = namespace_;
    // A number of its own: neighbouring seeds would give all of them nearly the same delays.
    own.seed = std::random_device{}();
    own.turns = &turns_;
    // The metric is one for the resource: it says 1 when the last namespace has been listed.
    own.on_synced = [this, metrics, plural = options.resource.plural] {
      if (metrics != nullptr && synced()) metrics->watch_synced(plural, true);
    };
    watchers_.push_back(std::make_unique<Watcher>(client, std::move(own), sink_for(namespace_), clock, metrics));
  };
  if (namespaces.empty()) add({});
  for (const auto& each : namespaces) add(each);
}

void WatchGroup::start() {
  for (const auto& watcher : watchers_) watcher->start();
}

void WatchGroup::stop() {
  for (const auto& watcher : watchers_) watcher->stop();
}

bool WatchGroup::synced() const {
  return std::ranges::all_of(watchers_, [](const auto& watcher) { return watcher->synced(); });
}

bool WatchGroup::wait_synced(SteadyClock::Span timeout, const std::stop_token& stop) {
  const auto until = clock_.now() + timeout;
  return std::ranges::all_of(watchers_, [&](const auto& watcher) {
    return watcher->wait_synced(std::max(SteadyClock::Span{}, until - clock_.now()), stop);
  });
}

std::string WatchGroup::last_error() const {
  for (const auto& watcher : watchers_) {
    if (auto error = watcher->last_error(); !error.empty()) return error;
  }
  return {};
}

}  // namespace modelrun::runtime
