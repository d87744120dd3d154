// Sweeps in the world of the fault tests: a sweep called "many", whose points have the parameter "i", and what came of
// it.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "api/model_run.h"
#include "faults/world.h"
#include "sweep/table.h"

namespace modelrun::faults {

inline constexpr int kPoints = 10;  // in shards of 5 and 5 with two runs at a time
inline constexpr int kShard = 5;
inline constexpr int kMany = 54;  // in shards of 25, 25 and 4

kube::Json space_of(int count);
void add_many(World& world, const kube::Json& limits = {{"parallelism", 2}}, int count = kPoints);

// The table of the sweep, whose ConfigMaps it owns. kNotFound while there is none.
Result<sweep::Table> table_of(World& world);
// "3 Succeeded  6": index, phase, reason, output. The error if there is no table.
std::vector<std::string> lines_of(World& world);
// lines_of() where each point has succeeded but for those of `failed`, which have a reason.
std::vector<std::string> whole_table(const std::map<int, std::string>& failed = {}, int count = kPoints);

// How often each point was executed, in whatever run.
std::map<std::int64_t, int> executed(World& world);
void expect_each_once(World& world, int count = kPoints);
void until_executed(World& world, std::size_t count);
// The parameters "i" of the points whose rows are stored.
std::set<std::int64_t> recorded(World& world);

std::vector<api::ModelRun> runs_of(World& world);
// Of the condition Succeeded; empty without one.
std::string reason_of(World& world);

}  // namespace modelrun::faults
