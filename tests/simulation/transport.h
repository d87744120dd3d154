// The way of an operator's requests to the simulated API server, with all that can go wrong on it.
#pragma once

#include <array>
#include <functional>
#include <string>

#include "kube/transport.h"
#include "simulation/api_server.h"
#include "simulation/sim.h"

namespace modelrun::simulation {

// What is wrong for all processes for a while. The world sets it.
struct Network {
  bool outage = false;
  int forbidden = 0;  // 401 or 403: the answer to every request
  // The creation of these kinds is refused (403), or its webhook is down (500).
  std::array<bool, kKinds> refused{}, webhook_down{};
  std::uint64_t watch_epoch = 0;  // raised: all watches break off
  bool break_with_410 = false;    // and they say so in the stream
};

// The connection of one process. Each request takes time before it is carried out and before its answer comes, so that
// everything else goes on meanwhile. A killed process gets kCancelled for everything, and nothing is carried out.
class SimTransport final : public kube::Transport {
 public:
  SimTransport(Sim& sim, ApiServer& server, Network& network, std::string who)
      : sim_(sim), server_(server), network_(network), who_(std::move(who)) {}

  Result<kube::Response> send(const kube::Request& request, std::stop_token stop) override;
  Result<kube::Response> stream(const kube::Request& request, std::chrono::milliseconds idle_timeout,
                                const kube::OnData& on_data, std::stop_token stop) override;

  // From now on the process is dead to the world.
  void cut() { cut_ = true; }
  // A crash strikes at a request: the owner has to end the process. Called at most once, then cut() holds.
  std::function<void()> on_crash;

  // How late this process's watches deliver, and whether they are half-open.
  std::array<Nanos, kKinds> lag{};
  std::array<bool, kKinds> silent{};

  [[nodiscard]] const std::string& who() const { return who_; }
  [[nodiscard]] int in_flight() const { return in_flight_; }

 private:
  [[nodiscard]] bool gone(const std::stop_token& stop) const { return cut_ || stop.stop_requested(); }
  void travel(const std::stop_token& stop);
  std::optional<Result<kube::Response>> fault_before(const kube::Request& request);
  Result<kube::Response> exchange(const kube::Request& request, std::chrono::milliseconds timeout,
                                  const std::stop_token& stop);
  Result<kube::Response> watch(const kube::Request& request, std::chrono::milliseconds idle_timeout,
                               const kube::OnData& on_data, const std::stop_token& stop);
  void crash();

  Sim& sim_;
  ApiServer& server_;
  Network& network_;
  const std::string who_;
  bool cut_ = false;
  int in_flight_ = 0;
};

}  // namespace modelrun::simulation
