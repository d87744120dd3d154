// What all parts of one simulated world share.
#pragma once

#include <cstdint>
#include <functional>
#include <set>
#include <stop_token>
#include <string>

#include "base/clock.h"
#include "simulation/fibers.h"
#include "simulation/perturbations.h"
#include "simulation/random.h"
#include "simulation/trace.h"

namespace modelrun::simulation {

// Owned by the world. Everything runs on one thread.
struct Sim {
  Sim(std::uint64_t world_seed, std::set<std::uint32_t> suppressed, Choices& choices)
      : seed(world_seed),
        fibers(choices),
        trace(fibers),
        perturbations(world_seed, std::move(suppressed)),
        network(world_seed, "network"),
        cluster(world_seed, "cluster"),
        people(world_seed, "people"),
        git(world_seed, "git") {}

  const std::uint64_t seed;
  Fibers fibers;
  Trace trace;
  Perturbations perturbations;
  Random network, cluster, people, git;  // a stream of random numbers for each part
  FiberGroup group;                      // the fibers that belong to no process
  std::stop_source over;                 // the world ends: all fibers return soon
  bool calm = false;                     // the faults are over, and people do nothing any more
  bool led_again = false;                // a process leads that has led before
  bool instant = false;                  // requests and deliveries take no time; for enumerations
  bool sweeps = false;                   // processes work on sweeps; in other worlds nothing of them costs a step
  Duration server_offset{0};             // how far the API server's wall clock is ahead

  [[nodiscard]] std::stop_token stop() const { return over.get_token(); }
  // The wall clock of the API server and of the nodes.
  [[nodiscard]] Time wall() const { return wall_at(server_offset); }
  // A wall clock that is ahead of the true time by `offset`.
  [[nodiscard]] Time wall_at(Duration offset) const {
    constexpr Time kStart = std::chrono::sys_days{std::chrono::year{2026} / 1 / 1};
    return kStart + std::chrono::duration_cast<Duration>(fibers.now()) + offset;
  }
  // Sleeps for a random time. Returns false if the world ends first.
  bool pause(Random& random, std::chrono::milliseconds low, std::chrono::milliseconds high) {
    return fibers.sleep(std::chrono::milliseconds(random.between(low.count(), high.count())), stop());
  }
  // Sleeps until the time is over or the faults are. Returns false if the world ends first.
  bool pause_unless_calm(Nanos span) {
    fibers.wait(fibers.now() + span, [this] { return calm; }, stop());
    return !over.stop_requested();
  }
};

}  // namespace modelrun::simulation
