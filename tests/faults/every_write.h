// One world for each write of a scenario, with a fault at that write: the end is that of the scenario without faults.
#pragma once

#include <gtest/gtest.h>

#include <array>
#include <functional>
#include <string>
#include <vector>

#include "faults/world.h"

namespace modelrun::faults {

// The way of a world from its start to its end; it may do something on the way.
using Scenario = std::function<void(World&)>;

inline void to_the_end(World& world) {
  world.run_to_the_end();
}

struct Reference {
  std::vector<std::string> outcome;
  int writes = 0;
};

inline Reference without_faults(const WorldOptions& options, const Scenario& scenario) {
  World world(options);
  scenario(world);
  return {world.outcome(), world.writes()};
}

inline const char* name_of(fakes::Fault fault) {
  switch (fault) {
    case fakes::Fault::kCrashBefore:
      return "crash before";
    case fakes::Fault::kCrashAfter:
      return "crash after";
    case fakes::Fault::kDropBefore:
      return "no connection at";
    case fakes::Fault::kDropAfter:
      return "answer lost of";
    default:
      return "fault at";
  }
}

// `fault` at the writes from 1 to N, one world each; `first` and `step`: at some of them.
inline void at_every_write(WorldOptions options, fakes::Fault fault, const Scenario& scenario = to_the_end,
                           int first = 1, int step = 1) {
  const auto reference = without_faults(options, scenario);
  ASSERT_GT(reference.writes, 0);
  for (int k = first; k <= reference.writes; k += step) {
    options.name = fmt::format("{} write {}", name_of(fault), k);
    World world(options);
    bool struck = false;
    world.set_faults([&](const kube::Request&, int number) {
      if (number != k) return fakes::Fault::kNone;
      struck = true;
      return fault;
    });
    scenario(world);
    EXPECT_TRUE(struck) << options.name;
    EXPECT_EQ(world.outcome(), reference.outcome) << options.name;
    if (::testing::Test::HasFailure()) return;
  }
}

inline constexpr std::array kEvery = {fakes::Fault::kCrashBefore, fakes::Fault::kCrashAfter, fakes::Fault::kDropBefore,
                                      fakes::Fault::kDropAfter,   fakes::Fault::k409,        fakes::Fault::k503};

inline std::string fault_name(const ::testing::TestParamInfo<fakes::Fault>& parameter) {
  constexpr std::array kNames = {"CrashBefore", "CrashAfter", "DropBefore", "DropAfter", "Conflict", "Unavailable"};
  return kNames.at(parameter.index);
}

}  // namespace modelrun::faults
